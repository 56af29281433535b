import type { PubSub } from 'brokerlet'
import type { FlightTopics } from './topics.ts'

/** What is archived. */
export interface ArchiveTally {
  flights: number
}

/** The group `archive`: takes everything, many at a time. */
export async function startArchive(
  pubsub: PubSub<Pick<FlightTopics, 'flights'>>,
  tally: ArchiveTally,
): Promise<void> {
  const consumer = pubsub.consumer({ groupId: 'archive', topics: ['flights'] })
  await consumer.run({
    eachBatch: ({ records }) => {
      tally.flights += records.length
    },
    batch: { maxRecords: 1000 },
  })
}
