import type { PubSub } from 'brokerlet'
import { type Flight, type FlightTopics, longDelayMinutes } from './topics.ts'

/** The flights of one airport. */
export interface AirportTotals {
  flights: number
  /** The sum of all delays, in minutes. */
  delay: number
  longDelays: number
}

/** Delays by origin airport. */
export class DelayTable {
  readonly airports = new Map<string, AirportTotals>()
  flights = 0

  add({ origin, delay }: Flight): void {
    let airport = this.airports.get(origin)
    if (airport === undefined) {
      airport = { flights: 0, delay: 0, longDelays: 0 }
      this.airports.set(origin, airport)
    }
    airport.flights++
    airport.delay += delay
    if (delay >= longDelayMinutes) airport.longDelays++
    this.flights++
  }

  /** The airports with the highest mean delay, of those with at least `minFlights`. */
  worst(count: number, minFlights: number): [code: string, airport: AirportTotals][] {
    return [...this.airports]
      .filter(([, { flights }]) => flights >= minFlights)
      .sort(([, a], [, b]) => b.delay / b.flights - a.delay / a.flights)
      .slice(0, count)
  }
}

interface StatisticsOptions {
  readonly clientId: string
  /** All consumers of the group count in one table, so a flight is counted once, whichever consumer gets it. */
  readonly table: DelayTable
  /** Called before a flight is counted; may throw. */
  readonly beforeCounting?: (() => void) | undefined
  onCrash(where: string, cause: unknown): void
}

/** One more consumer of the group `statistics`. When its handler fails, it stops and the others take over. */
export async function startStatistics(
  pubsub: PubSub<Pick<FlightTopics, 'flights'>>,
  { clientId, table, beforeCounting, onCrash }: StatisticsOptions,
): Promise<void> {
  const consumer = pubsub.consumer({ groupId: 'statistics', topics: ['flights'], clientId })
  consumer.on('crashed', ({ error, record }) => {
    onCrash(
      record ? `${record.topic}-${record.partition}, offset ${record.offset}` : 'no flight',
      error.cause ?? error,
    )
  })
  await consumer.run({
    eachRecord: ({ value }) => {
      beforeCounting?.()
      table.add(value)
    },
    retry: { attempts: 1 },
    onFailure: 'stop',
  })
}
