import type { PubSub } from 'brokerlet'
import { type Flight, type FlightTopics, longDelayMinutes } from './topics.ts'

/** What the group `alerts` has handled. */
export interface AlertsTally {
  flights: number
}

/** What the group `alert-desk` has read. */
export interface DeskTally {
  alerts: number
  longest: Flight | undefined
}

/** The group `alerts`: forwards flights with a long delay. */
export async function startAlerts(pubsub: PubSub<FlightTopics>, tally: AlertsTally): Promise<void> {
  const producer = pubsub.producer()
  const consumer = pubsub.consumer({ groupId: 'alerts', topics: ['flights'] })
  const done = () => {
    tally.flights++
  }
  await consumer.run({
    // Returns a promise only for a flight that is sent: most flights have no long delay.
    eachRecord: ({ key, value }) =>
      value.delay < longDelayMinutes
        ? done()
        : producer.send({ topic: 'long-delays', key, value }).then(done),
  })
}

/** The group `alert-desk`: reads the alerts, until its consumer is closed. */
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
