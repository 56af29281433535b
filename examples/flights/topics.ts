import { topic } from 'brokerlet'

/** One flight, as the airline reported it. */
export interface Flight {
  readonly origin: string
  readonly destination: string
  /** Epoch milliseconds. */
  readonly departedAt: number
  /** Minutes; negative for an early flight. */
  readonly delay: number
}

/** The shortest delay, in minutes, that counts as long. */
export const longDelayMinutes = 60

// The key is the origin airport, and required: all flights of an airport are in one partition, in order. The topics
// keep only the newest records, as those of an application that runs for ever must.
export const topics = {
  flights: topic<Flight, string>({ partitions: 12, retentionRecords: 10_000 }),
  'long-delays': topic<Flight, string>({ partitions: 3, retentionRecords: 10_000 }),
}

export type FlightTopics = typeof topics
