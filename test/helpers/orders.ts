import { fill, range } from './behaviours.ts'
import { testBroker } from './test-broker.ts'

export const orders0 = { topic: 'orders', partition: 0 } as const

/** A broker on a clock that stands still, with this many records in each partition of the topic 'orders'. */
export function brokerWithOrders(records = 0, partitions = 1) {
  const made = testBroker()
  made.broker.createTopic('orders', { partitions })
  for (const partition of range(0, partitions)) fill(made.broker, 'orders', records, partition)
  return made
}
