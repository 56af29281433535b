import { topic } from 'brokerlet'

/** One flight, as the airline reported it. */
export interface Flight {
  readonly origin: string
  readonly destination: string
  /** Epoch milliseconds. */
  readonly departedAt: number
  /** Minutes; below 0 it was early. */
  readonly delay: number
}

/** Minutes from which a delay is a long one. */
export const longDelayMinutes = 60

// The key is the origin airport, and required: all flights of an airport are in one partition, in order.
// An application that runs for ever keeps the newest records only, so this one does, too.
export const topics = {
  flights: topic<Flight, string>({ partitions: 12, retentionRecords: 10_000 }),
  'long-delays': topic<Flight, string>({ partitions: 3, retentionRecords: 10_000 }),
}

export type FlightTopics = typeof topics
