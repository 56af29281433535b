import { describe, expectTypeOf, it } from 'vitest'
import {
  type Admin,
  Broker,
  type Consumer,
  type ConsumerOptions,
  type OpenTopics,
  type Producer,
  type PubSub,
  type RecordOf,
  type TopicDefinition,
  type TopicMap,
  topic,
  type Unread,
} from '../../src/index.ts'
import type { KafkaConnection } from '../../src/kafka/index.ts'
import { TestBroker } from '../../src/testing/index.ts'
import {
  type App,
  broker,
  type NoTopics,
  type Order,
  order,
  type Payment,
  type PaymentsOnly,
  payment,
} from './fixtures.ts'

describe('a module knows less than the app', () => {
  it('gets a broker, a producer and a consumer of the topics that it names', () => {
    expectTypeOf(broker).toExtend<Broker<App>>()
    expectTypeOf(broker).toExtend<PubSub<App>>()
    expectTypeOf(broker).toExtend<PubSub<PaymentsOnly>>()
    expectTypeOf(broker).toExtend<Broker<PaymentsOnly>>()
    expectTypeOf(broker.producer()).toExtend<Producer<PaymentsOnly>>()
    const pubsub: PubSub<PaymentsOnly> = broker
    const narrow: Broker<PaymentsOnly> = broker
    const producer: Producer<PaymentsOnly> = broker.producer()
    pubsub.producer().send({ topic: 'payments', value: payment })
    narrow.topic('payments').append({ value: payment })
    producer.send({ topic: 'payments', value: payment })
    // @ts-expect-error: a topic that the module does not name
    pubsub.producer().send({ topic: 'orders', value: order })
    // @ts-expect-error: a topic that the module does not name
    pubsub.consumer({ topics: ['orders'] })
  })

  it('may name none, or not care', () => {
    const none: PubSub<NoTopics> = broker
    const noneOfBroker: Broker<NoTopics> = broker
    const any: Broker<any> = broker
    const open: Broker = broker
    const map: Broker<TopicMap> = broker
    expectTypeOf(none.admin).toEqualTypeOf<Admin>()
    expectTypeOf(noneOfBroker.close()).toEqualTypeOf<Promise<readonly Unread[]>>()
    void [any, open, map]
  })

  it('may take a broker of any topics, whichever door it is', () => {
    const test = new TestBroker({ topics: { orders: topic<Order>(), payments: topic<Payment>() } })
    const cluster = {} as KafkaConnection<App>
    const brokers: Broker[] = [broker, test]
    const anyBrokers: Broker<any>[] = [broker, test]
    const open: PubSub<OpenTopics>[] = [broker, test, cluster]
    const any: PubSub<any>[] = [broker, test, cluster]
    const map: PubSub<TopicMap>[] = [broker, test, cluster]
    expectTypeOf<Parameters<typeof broker.consumer>[0]>().toEqualTypeOf<ConsumerOptions<keyof App>>()
    void [brokers, anyBrokers, open, any, map]
  })

  it('is open to any topic where its type names none, as a broker is', () => {
    const buses: PubSub[] = [broker, new Broker(), new TestBroker(), {} as KafkaConnection<App>]
    const producers: Producer[] = [broker.producer(), new Broker().producer()]
    expectTypeOf<PubSub>().toEqualTypeOf<PubSub<OpenTopics>>()
    void buses[0]!.producer().send({ topic: 'whatever', value: 1 })
    void producers
  })

  it('gets a consumer of more records than it is sent', () => {
    const consumer: Consumer<RecordOf<App>> = broker.consumer({ topics: ['orders'] })
    const any: Consumer = broker.consumer({ topics: ['orders'] })
    // @ts-expect-error: it may hand out payments
    const wrong: Consumer<RecordOf<App, 'orders'>> = broker.consumer({ topics: ['orders', 'payments'] })
    void [consumer, any, wrong]
  })

  it('cannot need a topic that the app lacks', () => {
    // @ts-expect-error: no refunds
    const pubsub: PubSub<{ refunds: TopicDefinition<Payment> }> = broker
    // @ts-expect-error: no refunds
    const narrow: Broker<{ refunds: TopicDefinition<Payment> }> = broker
    // @ts-expect-error: no refunds
    const producer: Producer<{ refunds: TopicDefinition<Payment> }> = broker.producer()
    void [pubsub, narrow, producer]
  })

  it('cannot mean something else by a topic', () => {
    // @ts-expect-error: payments are no orders
    const pubsub: PubSub<{ payments: TopicDefinition<Order> }> = broker
    // @ts-expect-error: it would send what has no order id
    const producer: Producer<{ payments: TopicDefinition<object> }> = broker.producer()
    // @ts-expect-error: it would read what is not there
    const consumer: Consumer<RecordOf<{ payments: TopicDefinition<Payment & { at: Date }> }>> =
      broker.consumer({ topics: ['payments'] })
    void [pubsub, producer, consumer]
  })
})

describe('a consumer-driven contract', () => {
  it('declares only the fields that it reads, and cannot write', () => {
    const reader: PubSub<{ orders: TopicDefinition<never, { id: string }> }> = broker
    reader.consumer({ topics: ['orders'] }).run({
      eachRecord: record => expectTypeOf(record.value).toEqualTypeOf<{ id: string }>(),
    })
    // @ts-expect-error: it cannot write
    reader.producer().send({ topic: 'orders', value: order })
    // @ts-expect-error: a field that the app's orders do not have
    const wrong: PubSub<{ orders: TopicDefinition<never, { name: string }> }> = broker
    void wrong
  })

  it('may only write, and then declares all that the app wants', () => {
    const writer: Producer<{ orders: TopicDefinition<Order, unknown> }> = broker.producer()
    writer.send({ topic: 'orders', value: order })
    // @ts-expect-error: a total is wanted
    const wrong: Producer<{ orders: TopicDefinition<{ id: string }, unknown> }> = broker.producer()
    void wrong
  })
})

describe('one engine for another', () => {
  it('a generic module takes any that has its topics', () => {
    function start<T extends PaymentsOnly>(pubsub: PubSub<T>): PubSub<PaymentsOnly> {
      return pubsub
    }
    start(broker)
    // @ts-expect-error: no payments
    start(new Broker({ topics: { orders: topic<Order>() } }))
  })

  it('a subclass of Broker keeps the types', () => {
    class SleepyBroker<T extends TopicMap> extends Broker<T> {
      advance(ms: number): Promise<void> {
        return this.clock.sleep(ms)
      }
    }
    const sub = new SleepyBroker({ topics: { payments: topic<Payment>() } })
    const pubsub: PubSub<PaymentsOnly> = sub
    const base: Broker<PaymentsOnly> = sub
    sub.producer().send({ topic: 'payments', value: payment })
    expectTypeOf(sub.on('topicCreated', () => {})).toEqualTypeOf(sub)
    expectTypeOf(sub.advance(1)).toEqualTypeOf<Promise<void>>()
    // @ts-expect-error: misspelt
    sub.topic('payment')
    void [pubsub, base]
  })

  it('closes alike', () => {
    const pubsub: PubSub<App> = broker
    expectTypeOf(pubsub.close({ timeoutMs: 0, drain: true })).toEqualTypeOf<Promise<readonly Unread[]>>()
    // @ts-expect-error: only what every engine can do
    pubsub.idle()
  })
})
