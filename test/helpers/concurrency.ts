import type { Broker, RunOptions } from '../../src/index.ts'
import { gate } from './behaviours.ts'

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
