import { describe, expectTypeOf, it } from 'vitest'
import {
  Broker,
  type HeaderList,
  type Message,
  type MessageBody,
  type Partitioner,
  type PartitionerInput,
  type Producer,
  type PubSub,
  type RecordMetadata,
  type TopicMap,
  type TopicName,
  topic,
} from '../../src/index.ts'
import { type App, broker, order, payment } from './fixtures.ts'

const producer = broker.producer()

describe('send', () => {
  it('takes the value that the topic declares', () => {
    expectTypeOf(producer.send({ topic: 'orders', value: order })).toEqualTypeOf<Promise<RecordMetadata>>()
    producer.send({ topic: 'payments', key: 'k', value: payment, partition: 0, timestamp: Date.now() })
    // @ts-expect-error: the value of another topic
    producer.send({ topic: 'orders', value: payment })
    // @ts-expect-error: a field is missing
    producer.send({ topic: 'orders', value: { id: '1' } })
    // @ts-expect-error: a field has another type
    producer.send({ topic: 'orders', value: { id: '1', total: '12' } })
    // @ts-expect-error: a field too many
    producer.send({ topic: 'orders', value: { id: '1', total: 1, sum: 1 } })
    // @ts-expect-error: no value
    producer.send({ topic: 'orders' })
    // @ts-expect-error: undefined is no value
    producer.send({ topic: 'payments', value: undefined })
  })

  it('refuses a topic that the broker does not declare', () => {
    // @ts-expect-error: misspelt
    producer.send({ topic: 'order', value: order })
    // @ts-expect-error: any string
    producer.send({ topic: 'orders' as string, value: order })
  })

  it('refuses a field that it does not know', () => {
    // @ts-expect-error: misspelt
    producer.send({ topic: 'orders', value: order, partiton: 1 })
    // @ts-expect-error: a number
    producer.send({ topic: 'orders', value: order, partition: '1' })
    // @ts-expect-error: epoch milliseconds
    producer.send({ topic: 'orders', value: order, timestamp: new Date() })
  })

  it('refuses a union of topics whose value does not belong to each', () => {
    const name = Math.random() > 0.5 ? ('orders' as const) : ('payments' as const)
    // @ts-expect-error: it may be an order that is wanted
    producer.send({ topic: name, value: payment })
  })

  it('takes a message of any topic as one value', () => {
    const message: Message<App> =
      Math.random() > 0.5 ? { topic: 'orders', value: order } : { topic: 'payments', value: payment }
    producer.send(message)
    // @ts-expect-error: the value of another topic
    const wrong: Message<App> = { topic: 'orders', value: payment }
    producer.send(wrong)
  })

  it('takes headers by name and as a list', () => {
    const list: HeaderList = [
      ['trace', '1'],
      ['trace', new Uint8Array()],
    ]
    producer.send({ topic: 'orders', headers: list, value: order })
    producer.send({ topic: 'orders', headers: { trace: '1' }, value: order })
  })
})

describe('sendBatch', () => {
  it('takes messages of any topics', () => {
    const sent = producer.sendBatch([
      { topic: 'orders', value: order },
      { topic: 'payments', value: payment },
    ])
    expectTypeOf(sent).toEqualTypeOf<Promise<RecordMetadata[]>>()
    // @ts-expect-error: the value of another topic
    producer.sendBatch([{ topic: 'orders', value: payment }])
    // @ts-expect-error: misspelt
    producer.sendBatch([{ topic: 'order', value: order }])
    // @ts-expect-error: an array
    producer.sendBatch({ topic: 'orders', value: order })
  })

  it('takes a read-only array', () => {
    const messages: readonly Message<App, 'orders'>[] = [{ topic: 'orders', value: order }]
    producer.sendBatch(messages)
  })
})

describe('a message without its topic', () => {
  it('is a MessageBody', () => {
    expectTypeOf<MessageBody<App, 'orders'>['value']>().toEqualTypeOf(order)
    expectTypeOf<Message<App, 'payments'>['topic']>().toEqualTypeOf<'payments'>()
    expectTypeOf<TopicName<App>>().toEqualTypeOf<'orders' | 'payments'>()
  })

  it('lets a generic wrapper stay typed', () => {
    const events = new Events(producer)
    events.publish('orders', { key: '1', value: order })
    events.emit({ topic: 'payments', value: payment })
    // @ts-expect-error: the value of another topic
    events.publish('orders', { value: payment })
    // @ts-expect-error: misspelt
    events.publish('order', { value: order })
    // @ts-expect-error: the value of another topic
    events.emit({ topic: 'payments', value: order })
  })

  it('lets a generic wrapper not send just anything', () => {
    class Careless<T extends TopicMap> {
      readonly producer: Producer<T>
      constructor(inner: Producer<T>) {
        this.producer = inner
      }
      publish<Name extends TopicName<T>>(name: Name, value: unknown) {
        // @ts-expect-error: nobody knows that this is the value of that topic
        return this.producer.send({ topic: name, value })
      }
    }
    new Careless(producer).publish('orders', 1)
  })
})

describe('a producer', () => {
  it('takes a partitioner', () => {
    const partitioner: Partitioner = ({ key, partitionCount }) => (key?.length ?? 0) % partitionCount
    broker.producer({ partitioner, clientId: 'checkout' })
    expectTypeOf<Parameters<Partitioner>[0]>().toEqualTypeOf<PartitionerInput>()
    // @ts-expect-error: a number is wanted
    broker.producer({ partitioner: () => '1' })
    // @ts-expect-error: misspelt
    broker.producer({ clientID: 'checkout' })
  })

  it('is closed by await using', () => {
    expectTypeOf(producer).toExtend<AsyncDisposable>()
    expectTypeOf(producer.close()).toEqualTypeOf<Promise<void>>()
  })

  it('of topics that are any takes any message', () => {
    const bus: PubSub<any> = broker
    bus.producer().send({ topic: 'orders', key: 'o-1', value: order, headers: { tenant: 'acme' } })
    bus.producer().sendBatch([{ topic: 'payments', value: payment }])
    const untyped = new Broker({ topics: { orders: topic() } as any })
    untyped.producer().send({ topic: 'orders', key: 'o-1', value: order })
    untyped.topic('orders').append({ key: 'o-1', value: order })
  })

  it('of a broker that declares nothing takes any topic and any value', () => {
    const open = new Broker({ autoCreateTopics: true }).producer()
    open.send({ topic: 'whatever', value: 1, key: 'k', headers: { a: '1' } })
    open.sendBatch([
      { topic: 'a', value: order },
      { topic: 'b', value: null },
    ])
    // @ts-expect-error: still a message
    open.send({ topic: 'whatever', valeu: 1 })
  })
})

class Events<T extends TopicMap> {
  readonly #producer: Producer<T>

  constructor(inner: Producer<T>) {
    this.#producer = inner
  }

  publish<Name extends TopicName<T>>(name: Name, body: MessageBody<T, Name>): Promise<RecordMetadata> {
    return this.#producer.send({ topic: name, ...body })
  }

  emit<Name extends TopicName<T>>(message: Message<T, Name>): Promise<RecordMetadata> {
    return this.#producer.send(message)
  }
}
