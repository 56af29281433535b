/**
 * Handlers that compute belong in threads: one that blocks the main thread holds up every consumer, timer and request,
 * and nothing can interrupt it. Here four counts run side by side while the main thread goes on. One that cannot be
 * computed becomes a dead letter.
 */
import { Broker, topic } from 'brokerlet'
import { WorkerPool } from './worker-pool.ts'

interface Count {
  below: number
}

const broker = new Broker({
  topics: {
    counts: topic<Count, string>({ partitions: 4 }),
    'counts.dlq': topic<Count, string>(),
  },
})
const pool = new WorkerPool<number, number>(new URL('./primes.mjs', import.meta.url), 4)

const primes = new Map<string, number>()
const counting = broker.consumer({ groupId: 'counting', topics: ['counts'] })
counting.on('deadLettered', ({ record, error }) => console.log(`${record.key}: ${(error as Error).message}`))
await counting.run({
  concurrency: 4,
  ordering: 'key',
  retry: { attempts: 2, delayMs: 10 },
  onFailure: { deadLetter: 'counts.dlq' },
  // The signal aborts when the partition is lost, or `close` can wait no longer: then the thread is terminated.
  eachRecord: async ({ key, value }, { signal }) => {
    primes.set(key, await pool.run(value.below, { signal }))
  },
})

let ticks = 0
const ticking = setInterval(() => ticks++, 1)
const producer = broker.producer()
for (const below of [300_000, 400_000, -1, 500_000, 600_000]) {
  await producer.send({ topic: 'counts', key: `below ${below}`, value: { below } })
}
await broker.idle({ timeoutMs: 60_000 })
clearInterval(ticking)

for (const [key, count] of [...primes].sort()) console.log(`${key}: ${count} primes`)
console.log(`meanwhile this thread ${ticks > 10 ? 'went on' : 'stood still'}`)
console.log(`${broker.topic('counts.dlq').records().length} dead letter`)

await broker.close()
await pool.close()
