import { describe, expectTypeOf, it } from 'vitest'
import { type Broker, type PubSub, topic } from '../../src/index.ts'
import { connect, type KafkaConnection, type MirrorSummary, mirror } from '../../src/kafka/index.ts'

interface Order {
  readonly id: string
}
const topics = { orders: topic<Order>(), payments: topic<number>() }
declare const cluster: KafkaConnection<typeof topics>
declare const broker: Broker<typeof topics>

describe('a cluster', () => {
  it('has the topics that it was connected with', () => {
    const connected = connect({ bootstrapBrokers: ['kafka:9092'], topics })
    expectTypeOf(connected).resolves.toEqualTypeOf<KafkaConnection<typeof topics>>()
    expectTypeOf(cluster).toExtend<PubSub<typeof topics>>()
    expectTypeOf(cluster).toExtend<PubSub<Pick<typeof topics, 'orders'>>>()
  })

  it('checks what is sent, and knows what is read', () => {
    void cluster.producer().send({ topic: 'orders', value: { id: 'o-1' } })
    // @ts-expect-error: an order has an id
    void cluster.producer().send({ topic: 'orders', value: {} })
    // @ts-expect-error: there is no such topic
    cluster.consumer({ groupId: 'g', topics: ['order'] })
    const consumer = cluster.consumer({ groupId: 'g', topics: ['orders'] })
    void consumer.run({ eachRecord: ({ value }) => expectTypeOf(value).toEqualTypeOf<Order>() })
  })

  it('takes what a broker of any topics holds', () => {
    expectTypeOf(mirror(broker, cluster)).resolves.toEqualTypeOf<MirrorSummary>()
    // @ts-expect-error: a cluster is not copied from
    void mirror(cluster, cluster)
  })

  it('has nothing of what only memory can do', () => {
    // @ts-expect-error: a cluster does not know when everybody rests
    void cluster.idle()
    // @ts-expect-error: its topics are elsewhere
    cluster.topic('orders')
    // @ts-expect-error: so are its groups
    cluster.group('g')
    // @ts-expect-error: and its events
    cluster.on('rebalanced', () => {})
  })
})
