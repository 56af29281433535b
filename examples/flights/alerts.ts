import type { PubSub } from 'brokerlet'
import { type Flight, type FlightTopics, longDelayMinutes } from './topics.ts'

/** What `alerts` has looked at. */
export interface AlertsTally {
  flights: number
}

/** What `alert-desk` got. */
export interface DeskTally {
  alerts: number
  longest: Flight | undefined
}

/** The group `alerts`: sends on what is delayed for long. */
export async function startAlerts(pubsub: PubSub<FlightTopics>, tally: AlertsTally): Promise<void> {
  const producer = pubsub.producer()
  const consumer = pubsub.consumer({ groupId: 'alerts', topics: ['flights'] })
  const done = () => {
    tally.flights++
  }
  await consumer.run({
    // A promise only where there is something to wait for: most flights are not that late.
    eachRecord: ({ key, value }) =>
      value.delay < longDelayMinutes
        ? done()
        : producer.send({ topic: 'long-delays', key, value }).then(done),
  })
}

/** The group `alert-desk`: reads what `alerts` sends, until it is closed. */
export async function readAlerts(
  pubsub: PubSub<Pick<FlightTopics, 'long-delays'>>,
  tally: DeskTally,
): Promise<void> {
  const consumer = pubsub.consumer({ groupId: 'alert-desk', topics: ['long-delays'] })
  for await (const { value } of consumer) {
    tally.alerts++
    if (tally.longest === undefined || value.delay > tally.longest.delay) tally.longest = value
  }
}
