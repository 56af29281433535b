import { type as ark } from 'arktype'
import * as v from 'valibot'
import { describe, expectTypeOf, it } from 'vitest'
import { z } from 'zod'
import {
  Broker,
  bytes,
  type Codec,
  type InputOf,
  json,
  type RecordHeaders,
  string,
  type TopicDefinition,
  type TopicOptions,
  topic,
  type ValueOf,
} from '../../src/index.ts'
import { type Order, order } from './fixtures.ts'

declare const dateCodec: Codec<Date>
declare const orderCodec: Codec<Order>
declare const mixedCodec: Codec<string | number>
declare const inputCodec: Codec<{ at: string }>
declare const outputCodec: Codec<{ at: Date }>

describe('topic<Value>()', () => {
  it('has the value for both directions, string keys or none, and plain headers', () => {
    expectTypeOf(topic<Order>()).toEqualTypeOf<TopicDefinition<Order, Order, string | null, RecordHeaders>>()
    expectTypeOf(topic<Order>()).toEqualTypeOf<TopicDefinition<Order>>()
    expectTypeOf(topic<Order>().options).toEqualTypeOf<TopicOptions>()
  })

  it('of no type takes anything and reads as unknown', () => {
    expectTypeOf(topic()).toEqualTypeOf<TopicDefinition<unknown>>()
    expectTypeOf(topic({ partitions: 2 })).toEqualTypeOf<TopicDefinition<unknown>>()
    const untyped = new Broker({ topics: { any: topic() } })
    untyped.producer().send({ topic: 'any', value: 3 })
    untyped.consumer({ topics: ['any'] }).run({
      eachRecord: record => expectTypeOf(record.value).toBeUnknown(),
    })
  })

  it('tells its value by ValueOf and InputOf', () => {
    expectTypeOf<ValueOf<TopicDefinition<Order>>>().toEqualTypeOf<Order>()
    expectTypeOf<InputOf<TopicDefinition<Order>>>().toEqualTypeOf<Order>()
    expectTypeOf<ValueOf<TopicDefinition<string, Date>>>().toEqualTypeOf<Date>()
    expectTypeOf<InputOf<TopicDefinition<string, Date>>>().toEqualTypeOf<string>()
    expectTypeOf<ValueOf<TopicDefinition<Order | null>>>().toEqualTypeOf<Order | null>()
    expectTypeOf<ValueOf<TopicDefinition<any>>>().toBeAny()
  })

  it('refuses an option that it does not know, and a value that the option does not take', () => {
    // @ts-expect-error: misspelt
    topic<Order>({ retentonMs: 1 })
    // @ts-expect-error: a number
    topic<Order>({ partitions: '6' })
    // @ts-expect-error: no such policy
    topic<Order>({ cleanupPolicy: 'compacted' })
    // @ts-expect-error: no such timestamp type
    topic<Order>({ messageTimestampType: 'AppendTime' })
  })

  it('refuses a value of null unless the type admits it', () => {
    const broker = new Broker({
      topics: { plain: topic<Order>(), tombstones: topic<Order | null, string>() },
    })
    const producer = broker.producer()
    producer.send({ topic: 'tombstones', key: 'k', value: null })
    // @ts-expect-error: no tombstones on a topic that does not declare null
    producer.send({ topic: 'plain', key: 'k', value: null })
    broker.consumer({ topics: ['tombstones'] }).run({
      eachRecord: record => expectTypeOf(record.value).toEqualTypeOf<Order | null>(),
    })
  })

  it('narrows a union inside the value', () => {
    const broker = new Broker({
      topics: { events: topic<{ type: 'a'; a: 1 } | { type: 'b'; b: 2 }>() },
    })
    broker.consumer({ topics: ['events'] }).run({
      eachRecord: ({ value }) => {
        if (value.type === 'a') expectTypeOf(value.a).toEqualTypeOf<1>()
        else expectTypeOf(value.b).toEqualTypeOf<2>()
      },
    })
  })
})

describe('a schema', () => {
  const broker = new Broker({
    topics: {
      zod: topic({ partitions: 2, schema: z.object({ at: z.string().transform(at => new Date(at)) }) }),
      valibot: topic({
        schema: v.pipe(
          v.object({ n: v.string() }),
          v.transform(({ n }) => ({ n: Number(n) })),
        ),
      }),
      arktype: topic({ schema: ark({ n: 'string.numeric.parse' }) }),
    },
  })
  type Topics = typeof broker extends Broker<infer T> ? T : never

  it('types what is sent by its input', () => {
    const producer = broker.producer()
    producer.send({ topic: 'zod', value: { at: '2020-01-01' } })
    producer.send({ topic: 'valibot', value: { n: '1' } })
    producer.send({ topic: 'arktype', value: { n: '1' } })
    // @ts-expect-error: the output given as input
    producer.send({ topic: 'zod', value: { at: new Date() } })
    // @ts-expect-error: the output given as input
    producer.send({ topic: 'valibot', value: { n: 1 } })
    // @ts-expect-error: the output given as input
    producer.send({ topic: 'arktype', value: { n: 1 } })
  })

  it('types what is read by its output', () => {
    broker.consumer({ topics: ['zod', 'valibot', 'arktype'] }).run({
      eachRecord: {
        zod: record => expectTypeOf(record.value.at).toEqualTypeOf<Date>(),
        valibot: record => expectTypeOf(record.value.n).toEqualTypeOf<number>(),
        arktype: record => expectTypeOf(record.value.n).toEqualTypeOf<number>(),
      },
    })
  })

  it('tells both by ValueOf and InputOf', () => {
    expectTypeOf<ValueOf<Topics['zod']>>().toEqualTypeOf<{ at: Date }>()
    expectTypeOf<InputOf<Topics['zod']>>().toEqualTypeOf<{ at: string }>()
    expectTypeOf<ValueOf<Topics['valibot']>>().toEqualTypeOf<{ n: number }>()
    expectTypeOf<InputOf<Topics['valibot']>>().toEqualTypeOf<{ n: string }>()
  })

  it('has to agree with a type that is written beside it', () => {
    topic<Order>({ schema: z.object({ id: z.string(), total: z.number() }) })
    // @ts-expect-error: another shape
    topic<Order>({ schema: z.object({ nope: z.string() }) })
    // @ts-expect-error: another output
    topic<{ at: string }>({ schema: z.object({ at: z.string().transform(at => new Date(at)) }) })
  })

  it('takes the other options along', () => {
    topic({ schema: z.object({ a: z.string() }), partitions: 3, keys: 'bytes', retentionMs: -1 })
    // @ts-expect-error: misspelt
    topic({ schema: z.object({ a: z.string() }), partitons: 3 })
    // @ts-expect-error: no Standard Schema
    topic({ schema: { parse: (value: unknown) => value } })
  })

  it('that admits null admits tombstones', () => {
    const compacted = new Broker({
      topics: { c: topic({ schema: z.object({ n: z.string() }).nullable() }) },
    })
    compacted.producer().send({ topic: 'c', key: 'k', value: null })
  })

  it('goes with a key and headers that are demanded', () => {
    const Visit = z.object({ at: z.string().transform(at => new Date(at)) })
    const Named = ark({ n: 'string.numeric.parse' })
    interface Tenant {
      tenant: string
    }
    const demanding = new Broker({
      topics: {
        visits: topic<typeof Visit, string, Tenant>({ schema: Visit, codec: json, partitions: 3 }),
        named: topic<typeof Named, string>({ schema: Named }),
        binary: topic<typeof Visit, Uint8Array>({ schema: Visit, keys: 'bytes' }),
      },
    })
    const producer = demanding.producer()
    const headers = { tenant: 'acme' }
    producer.send({ topic: 'visits', key: 'k', value: { at: '2020-01-01' }, headers })
    producer.send({ topic: 'named', key: 'k', value: { n: '1' } })
    producer.send({ topic: 'binary', key: new Uint8Array(), value: { at: '2020-01-01' } })
    // @ts-expect-error: no key
    producer.send({ topic: 'visits', value: { at: '2020-01-01' }, headers })
    // @ts-expect-error: no headers
    producer.send({ topic: 'visits', key: 'k', value: { at: '2020-01-01' } })
    // @ts-expect-error: the output given as input
    producer.send({ topic: 'visits', key: 'k', value: { at: new Date() }, headers })
    demanding.consumer({ topics: ['visits', 'named', 'binary'] }).run({
      eachRecord: {
        visits: record => {
          expectTypeOf(record.key).toEqualTypeOf<string>()
          expectTypeOf(record.value).toEqualTypeOf<{ at: Date }>()
          expectTypeOf(record.headers).toEqualTypeOf<Tenant>()
        },
        named: record => expectTypeOf(record.value).toEqualTypeOf<{ n: number }>(),
        binary: record => expectTypeOf(record.key).toEqualTypeOf<Uint8Array>(),
      },
    })
    // @ts-expect-error: another schema
    topic<typeof Visit, string>({ schema: Named })
    // @ts-expect-error: misspelt
    topic<typeof Visit, string>({ schema: Visit, partitons: 3 })
    // @ts-expect-error: bytes in the types only
    topic<typeof Visit, Uint8Array>({ schema: Visit })
    // @ts-expect-error: a codec of the output
    topic<typeof Visit, string>({ schema: Visit, codec: outputCodec })
  })

  it('beside a codec: the codec keeps the input, and a reader gets the output', () => {
    const schema = z.object({ at: z.string().transform(at => new Date(at)) })
    const keptAsJson = topic({ schema, codec: json })
    expectTypeOf(keptAsJson).toEqualTypeOf<TopicDefinition<{ at: string }, { at: Date }>>()
    topic({ schema, codec: inputCodec })
    // @ts-expect-error: a codec of the output
    topic({ schema, codec: outputCodec })
  })
})

describe('a codec', () => {
  it('alone types the topic', () => {
    expectTypeOf(topic({ codec: dateCodec })).toEqualTypeOf<TopicDefinition<Date>>()
    expectTypeOf(topic({ codec: string })).toEqualTypeOf<TopicDefinition<string>>()
    expectTypeOf(topic({ codec: bytes })).toEqualTypeOf<TopicDefinition<Uint8Array>>()
    const broker = new Broker({ topics: { dates: topic({ codec: dateCodec }) } })
    broker.consumer({ topics: ['dates'] }).run({
      eachRecord: record => expectTypeOf(record.value).toEqualTypeOf<Date>(),
    })
  })

  it('json carries any declared type', () => {
    expectTypeOf(topic<Order>({ codec: json })).toEqualTypeOf<TopicDefinition<Order>>()
    expectTypeOf(json).toEqualTypeOf<Codec<any>>()
  })

  it('has to agree with the declared type, in both directions', () => {
    topic<Order>({ codec: orderCodec, partitions: 2 })
    // @ts-expect-error: decodes something else
    topic<Order>({ codec: dateCodec })
    // @ts-expect-error: decodes more than is declared
    topic<string>({ codec: mixedCodec })
    // @ts-expect-error: encodes only what has a total
    topic<{ id: string }>({ codec: orderCodec })
    // @ts-expect-error: encodes strings only
    topic<unknown>({ codec: string })
  })

  it('never sees a tombstone', () => {
    expectTypeOf(topic<Order | null>({ codec: orderCodec })).toEqualTypeOf<TopicDefinition<Order | null>>()
  })

  it('encodes to bytes and decodes from bytes', () => {
    expectTypeOf<Codec<Order>['encode']>().toEqualTypeOf<(value: Order) => Uint8Array>()
    expectTypeOf<Codec<Order>['decode']>().toEqualTypeOf<(bytes: Uint8Array) => Order>()
    // @ts-expect-error: text is not bytes
    topic({ codec: { encode: (value: Order) => value.id, decode: () => order } })
  })
})

describe('a key', () => {
  const broker = new Broker({
    topics: {
      optional: topic<Order>(),
      required: topic<Order, string>(),
      binary: topic<Order, Uint8Array>({ keys: 'bytes' }),
      schemaBinary: topic({ schema: z.object({ a: z.string() }), keys: 'bytes' }),
      schemaString: topic({ schema: z.object({ a: z.string() }) }),
    },
  })
  const producer = broker.producer()

  it('is optional where it may be null', () => {
    producer.send({ topic: 'optional', value: order })
    producer.send({ topic: 'optional', key: null, value: order })
    producer.send({ topic: 'optional', key: 'k', value: order })
    // @ts-expect-error: a number is no key
    producer.send({ topic: 'optional', key: 1, value: order })
  })

  it('is demanded where it may not', () => {
    producer.send({ topic: 'required', key: 'k', value: order })
    // @ts-expect-error: no key
    producer.send({ topic: 'required', value: order })
    // @ts-expect-error: null is no key
    producer.send({ topic: 'required', key: null, value: order })
  })

  it('of bytes is said in the options, too, since types are erased', () => {
    producer.send({ topic: 'binary', key: new Uint8Array(), value: order })
    // @ts-expect-error: text
    producer.send({ topic: 'binary', key: 'k', value: order })
    // @ts-expect-error: bytes in the types only
    topic<Order, Uint8Array>()
    // @ts-expect-error: bytes in the types only
    topic<Order, Uint8Array>({ partitions: 2 })
    // @ts-expect-error: bytes in the options only
    topic<Order>({ keys: 'bytes' })
    expectTypeOf(topic({ keys: 'bytes' })).toEqualTypeOf<
      TopicDefinition<unknown, unknown, Uint8Array | null>
    >()
  })

  it('is of one kind', () => {
    // @ts-expect-error: strings and bytes
    topic<Order, string | Uint8Array>({ keys: 'bytes' })
    // @ts-expect-error: strings and bytes
    topic<Order, string | Uint8Array>()
    expectTypeOf(topic<Order, null>()).toEqualTypeOf<TopicDefinition<Order, Order, null>>()
  })

  it('is read as it was declared', () => {
    broker.consumer({ topics: ['optional', 'required', 'binary', 'schemaBinary', 'schemaString'] }).run({
      eachRecord: {
        optional: record => expectTypeOf(record.key).toEqualTypeOf<string | null>(),
        required: record => expectTypeOf(record.key).toEqualTypeOf<string>(),
        binary: record => expectTypeOf(record.key).toEqualTypeOf<Uint8Array>(),
        schemaBinary: record => {
          expectTypeOf(record.key).toEqualTypeOf<Uint8Array | null>()
          expectTypeOf(record.value).toEqualTypeOf<{ a: string }>()
        },
        schemaString: record => expectTypeOf(record.key).toEqualTypeOf<string | null>(),
      },
    })
  })

  it('is a string or bytes', () => {
    // @ts-expect-error: no kind of key
    topic<Order, number>()
    // @ts-expect-error: no kind of key
    topic({ schema: z.string(), keys: 'number' })
  })
})

describe('headers', () => {
  interface Tenant {
    tenant: string
    trace?: string
  }
  const broker = new Broker({
    topics: {
      plain: topic<Order>(),
      demanded: topic<Order, string | null, Tenant>(),
      optional: topic<Order, string | null, { trace?: string }>(),
    },
  })
  const producer = broker.producer()

  it('are optional where none is demanded', () => {
    producer.send({ topic: 'plain', value: order })
    producer.send({ topic: 'plain', headers: { a: 'x', b: new Uint8Array(), c: undefined }, value: order })
    producer.send({ topic: 'optional', value: order })
    producer.send({ topic: 'optional', headers: { trace: 't' }, value: order })
    // @ts-expect-error: a number
    producer.send({ topic: 'plain', headers: { a: 1 }, value: order })
    // @ts-expect-error: another type
    producer.send({ topic: 'optional', headers: { trace: 1 }, value: order })
  })

  it('are demanded where one is', () => {
    producer.send({ topic: 'demanded', headers: { tenant: 't' }, value: order })
    // @ts-expect-error: no headers
    producer.send({ topic: 'demanded', value: order })
    // @ts-expect-error: no tenant
    producer.send({ topic: 'demanded', headers: { trace: 't' }, value: order })
  })

  it('may be a list, in order and with repeated names, where none is demanded', () => {
    producer.send({
      topic: 'plain',
      headers: [
        ['a', '1'],
        ['a', new Uint8Array()],
      ],
      value: order,
    })
    // @ts-expect-error: a pair has a name and a value
    producer.send({ topic: 'plain', headers: [['a']], value: order })
    // @ts-expect-error: a list cannot show that it has a tenant
    producer.send({ topic: 'demanded', headers: [['tenant', 't']], value: order })
  })

  it('are read as they were declared', () => {
    broker.consumer({ topics: ['plain', 'demanded'] }).run({
      eachRecord: {
        plain: record => expectTypeOf(record.headers).toEqualTypeOf<RecordHeaders>(),
        demanded: record => expectTypeOf(record.headers).toEqualTypeOf<Tenant>(),
      },
    })
  })

  it('are an object', () => {
    // @ts-expect-error: no object
    topic<Order, string, string>()
    // @ts-expect-error: a number is neither text nor bytes
    topic<Order, string, { tenant: string; priority: number }>()
  })
})
