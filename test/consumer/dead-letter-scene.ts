import type { AnyRecord, Broker, RunOptions } from '../../src/index.ts'
import { fill, range } from '../helpers/behaviours.ts'
import { testBroker } from '../helpers/test-broker.ts'

/** How a consumer fails whose dead letters go to `orders.dlq`. */
export const deadLetter = { deadLetter: 'orders.dlq' } as const

/** A broker with a topic `orders` of so many records a partition, and `orders.dlq` for its dead letters. */
export function brokerWithOrders(records = 0, partitions = 1) {
  const made = testBroker()
  made.broker.createTopic('orders', { partitions })
  made.broker.createTopic('orders.dlq', { partitions })
  for (const partition of range(0, partitions)) fill(made.broker, 'orders', records, partition)
  return made
}

/** Runs a consumer of `orders` whose handler has one attempt, and whose dead letters go to `orders.dlq`. */
export async function run(broker: Broker, options: Partial<RunOptions<AnyRecord, string>>, consumer = {}) {
  const made = broker.consumer({ groupId: 'g', topics: ['orders'], ...consumer })
  made.on('deadLettered', () => {})
  await made.run({ retry: { attempts: 1 }, onFailure: deadLetter, ...options } as RunOptions<
    AnyRecord,
    string
  >)
  return made
}

export const letters = (broker: Broker) => broker.topic('orders.dlq').records()

export function never(text: string): never {
  throw new Error(text)
}
