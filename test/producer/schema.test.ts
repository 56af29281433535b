import { type } from 'arktype'
import * as v from 'valibot'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { InvalidRecordError, json, topic } from '../../src/index.ts'
import type { StandardSchemaV1 } from '../../src/standard-schema.ts'
import { rejectionOf, thrownBy } from '../helpers/errors.ts'
import { schemaOf } from '../helpers/schema.ts'
import { testBroker } from '../helpers/test-broker.ts'

describe('a synchronous schema', () => {
  const schemas = {
    zod: z.object({ id: z.string(), lines: z.array(z.object({ count: z.number() })) }),
    valibot: v.object({ id: v.string(), lines: v.array(v.object({ count: v.number() })) }),
    arktype: type({ id: 'string', lines: type({ count: 'number' }).array() }),
  } satisfies Record<string, StandardSchemaV1>

  it.each(Object.entries(schemas))('of %s refuses a bad value, naming topic and path', async (_, schema) => {
    const { broker } = testBroker()
    broker.createTopic('orders', { schema })
    const orders = broker.topic('orders')
    const producer = broker.producer()
    await producer.send({ topic: 'orders', value: { id: 'o-1', lines: [{ count: 1 }] } })
    const bad = { id: 'o-2', lines: [{ count: 1 }, { count: 'two' }] }
    for (const error of [
      await rejectionOf(producer.send({ topic: 'orders', value: bad })),
      await rejectionOf(
        producer.sendBatch([
          { topic: 'orders', value: { id: 'x', lines: [] } },
          { topic: 'orders', value: bad },
        ]),
      ),
      thrownBy(() => orders.append({ value: bad })),
    ]) {
      expect(error).toBeInstanceOf(InvalidRecordError)
      expect(error).toMatchObject({
        code: 'INVALID_RECORD',
        errno: 87,
        retriable: false,
        topic: 'orders',
        field: 'value',
      })
      expect(error.message).toContain(
        "Record for topic 'orders': its schema refused the value: lines.1.count: ",
      )
      expect(error.issues).toHaveLength(1)
    }
    orders.append({ value: { id: 'o-3', lines: [] } })
    expect(orders.records().map(record => record.value.id)).toEqual(['o-1', 'o-3'])
  })

  it('keeps send synchronous, and the log keeps its output', () => {
    const { broker } = testBroker({
      topics: {
        orders: topic({ schema: z.object({ at: z.coerce.date(), note: z.string().default('none') }) }),
      },
    })
    void broker.producer().send({ topic: 'orders', value: { at: '2020-01-01' } })
    expect(broker.topic('orders').records()[0]!.value).toEqual({ at: new Date('2020-01-01'), note: 'none' })
  })

  it('decides about tombstones, too', async () => {
    const { broker } = testBroker()
    broker.createTopic('strict', { schema: z.object({ id: z.string() }) })
    broker.createTopic('table', { schema: z.object({ id: z.string() }).nullable(), codec: json })
    const producer = broker.producer()
    expect(await rejectionOf(producer.send({ topic: 'strict', key: 'k', value: null }))).toBeInstanceOf(
      InvalidRecordError,
    )
    await producer.send({ topic: 'table', key: 'k', value: null })
    expect(broker.topic('table').records()[0]!.value).toBeNull()
  })

  it('that throws is an InvalidRecordError with its cause, and writes nothing', async () => {
    const cause = new Error('out of order')
    const { broker } = testBroker()
    broker.createTopic('orders', {
      schema: schemaOf(() => {
        throw cause
      }),
    })
    const error = await rejectionOf(broker.producer().send({ topic: 'orders', value: 1 }))
    expect(error).toBeInstanceOf(InvalidRecordError)
    expect(error.message).toBe("Record for topic 'orders': its schema threw: out of order")
    expect(error).toMatchObject({ topic: 'orders', field: 'value', cause })
    expect(broker.describe().records).toBe(0)
  })

  it.each([undefined, null, 7, 'ok', true])(
    'that answers %s is told to, and writes nothing',
    async answer => {
      const { broker } = testBroker()
      broker.createTopic('orders', { schema: schemaOf(() => answer) })
      const error = await rejectionOf(broker.producer().send({ topic: 'orders', value: 1 }))
      expect(error).toBeInstanceOf(InvalidRecordError)
      expect(error).toMatchObject({ topic: 'orders', field: 'value' })
      expect(error.message).toContain(
        "Record for topic 'orders': its schema must return a Standard Schema result, returned ",
      )
      expect(broker.describe().records).toBe(0)
    },
  )

  it.each<[unknown, string, unknown[]]>([
    ['no such id', "'no such id'", ['no such id']],
    [true, 'true', [true]],
    [{ message: 'no' }, 'no', [{ message: 'no' }]],
    [[undefined, null, 'text'], "undefined; null; 'text'", [undefined, null, 'text']],
    [[{}, { message: 7 }], 'an object; an object', [{}, { message: 7 }]],
    [[{ message: 'no', path: 'lines' }], 'no', [{ message: 'no', path: 'lines' }]],
    [
      [{ message: 'no', path: ['lines', null, { key: Symbol('s') }, {}] }],
      'lines.null.Symbol(s).an object: no',
      [{ message: 'no', path: ['lines', null, { key: expect.anything() }, {}] }],
    ],
    [[], 'it named no issue', []],
  ])('refuses a value also with issues that are not as they should be: %o', async (given, told, issues) => {
    const { broker } = testBroker()
    broker.createTopic('orders', { schema: schemaOf(() => ({ issues: given })) })
    const error = await rejectionOf(broker.producer().send({ topic: 'orders', value: 1 }))
    expect(error).toBeInstanceOf(InvalidRecordError)
    expect(error.message).toBe(`Record for topic 'orders': its schema refused the value: ${told}`)
    expect(error).toMatchObject({ topic: 'orders', field: 'value', issues })
  })

  const cause = new TypeError('out of order')
  const broken = (name: string) =>
    Object.defineProperty({}, name, {
      get() {
        throw cause
      },
    })
  it.each<[string, unknown]>([
    ['issues', broken('issues')],
    ['value', broken('value')],
    ['message of an issue', { issues: [broken('message')] }],
    ['path of an issue', { issues: [Object.assign(broken('path'), { message: 'no' })] }],
  ])('whose %s cannot be read is an InvalidRecordError with its cause', async (_, answer) => {
    const { broker } = testBroker()
    broker.createTopic('orders', { schema: schemaOf(() => answer) })
    broker.createTopic('later', { schema: schemaOf(async () => answer) })
    for (const name of ['orders', 'later']) {
      const error = await rejectionOf(broker.producer().send({ topic: name, value: 1 }))
      expect(error).toBeInstanceOf(InvalidRecordError)
      expect(error.message).toBe(
        `Record for topic '${name}': its schema's result could not be read: out of order`,
      )
      expect(error).toMatchObject({ topic: name, field: 'value', cause })
    }
    expect(broker.describe().records).toBe(0)
  })

  it('may not make undefined of a value', async () => {
    const { broker } = testBroker()
    broker.createTopic('orders', { schema: schemaOf(() => ({ value: undefined })) })
    const error = await rejectionOf(broker.producer().send({ topic: 'orders', value: 1 }))
    expect(error.message).toBe(
      "Record for topic 'orders': its schema's output is undefined, which no record can hold",
    )
  })
})
