import type { PubSub } from 'brokerlet'
import type { FlightTopics } from './topics.ts'

/** What was archived. */
export interface ArchiveTally {
  flights: number
}

/** The group `archive`: takes all flights, in batches. */
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
