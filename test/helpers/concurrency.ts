import type { Broker, RunOptions } from '../../src/index.ts'
import { fill, gate, range } from './behaviours.ts'
import { testBroker } from './test-broker.ts'

export const orders0 = { topic: 'orders', partition: 0 } as const
/** A broker on a clock that stands still, with this many records in each partition of the topic 'orders'. */
export function brokerWithOrders(records = 0, partitions = 1) {
  const made = testBroker()
  made.broker.createTopic('orders', { partitions })
  for (const partition of range(0, partitions)) fill(made.broker, 'orders', records, partition)
  return made
}

/** Appends records with these keys; '-' stands for no key. */
export function append(broker: Broker, keys: string, partition = 0): void {
  for (const key of keys)
    broker.topic('orders').append({ key: key === '-' ? null : key, value: 0, partition })
}

/** Handlers that end when the test says so. */
export function handlers() {
  const begun: string[] = []
  const gates = new Map<string, ReturnType<typeof gate>>()
  let running = 0
  let most = 0
  return {
    begun,
    get running() {
      return running
    },
    get most() {
      return most
    },
    eachRecord: async ({ partition, offset }: { partition: number; offset: number }) => {
      const id = `${partition}@${offset}`
      const waits = gate()
      gates.set(id, waits)
      begun.push(id)
      most = Math.max(most, ++running)
      await waits.opened
      running--
    },
    end(...ids: string[]) {
      for (const id of ids) gates.get(id)!.open()
    },
  }
}

/** Runs a consumer of the group 'g' on 'orders'. */
export async function run(broker: Broker, options: RunOptions, consumer = {}) {
  const made = broker.consumer({ groupId: 'g', topics: ['orders'], ...consumer })
  await made.run(options)
  return made
}
