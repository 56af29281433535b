import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises'
import type { PubSub } from 'brokerlet'
import type { Flight, FlightTopics } from './topics.ts'

// How far the slowest group may lag. Nothing slows a producer down by itself, and a partition that keeps 10,000 records
// would drop those that a slow group has not read.
const mostBehind = 5_000

interface SourceOptions {
  /** The groups to wait for when they lag; none where the log keeps everything. */
  readonly readers: readonly string[]
  /** Flights per second; by default as fast as possible. */
  readonly rate?: number | undefined
  /** Called after every batch, with the number of flights sent so far. */
  onSent(sent: number, last: Flight): unknown
}

/** Sends the flights of the file, and lets the readers keep up. */
export async function sendFlights(
  pubsub: PubSub<Pick<FlightTopics, 'flights'>>,
  batches: AsyncIterable<readonly Flight[]>,
  { readers, rate, onSent }: SourceOptions,
): Promise<void> {
  const producer = pubsub.producer()
  const started = performance.now()
  let sent = 0
  for await (const flights of batches) {
    await producer.sendBatch(flights.map(value => ({ topic: 'flights', key: value.origin, value })))
    sent += flights.length
    await onSent(sent, flights.at(-1)!)

    await turn()
    while (readers.length > 0 && (await lagOf(pubsub, readers)) > mostBehind) await turn()
    const early = rate === undefined ? 0 : (sent / rate) * 1000 - (performance.now() - started)
    if (early > 0) await sleep(early)
  }
  await producer.close()
}

/** The lag of the slowest group, in records. */
// biome-ignore lint/complexity/noBannedTypes: PubSub<{}> is any
async function lagOf(pubsub: PubSub<{}>, groups: readonly string[]): Promise<number> {
  const summaries = await Promise.all(groups.map(group => pubsub.admin.describeGroup(group)))
  return Math.max(...summaries.map(({ lag }) => lag))
}
