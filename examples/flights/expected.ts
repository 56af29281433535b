import type { FlightFile } from './flight-file.ts'
import type { AirportTotals } from './statistics.ts'
import { longDelayMinutes } from './topics.ts'

/** The totals of a run. */
export interface Totals {
  readonly airports: ReadonlyMap<string, AirportTotals>
  /** How many records each group handled. */
  readonly groups: Readonly<Record<string, number>>
}

/** The totals straight from the file, without a broker. */
export async function expectedTotals(file: FlightFile): Promise<Totals> {
  const airports = new Map<string, AirportTotals>()
  let longDelays = 0
  for await (const { rows, origin, delay } of file.read(['origin', 'delay'])) {
    for (let row = 0; row < rows; row++) {
      const code = origin[row] as string
      const minutes = Number(delay[row])
      const airport = airports.get(code) ?? { flights: 0, delay: 0, longDelays: 0 }
      airport.flights++
      airport.delay += minutes
      airports.set(code, airport)
      if (minutes < longDelayMinutes) continue
      airport.longDelays++
      longDelays++
    }
  }
  const { count } = file
  return { airports, groups: { statistics: count, alerts: count, 'alert-desk': longDelays, archive: count } }
}

/** Every total that differs from the expected one, in words. */
export function differences(expected: Totals, actual: Totals): string[] {
  const found: string[] = []
  const compare = (what: string, should: number | undefined, is: number | undefined) => {
    if (should !== is) found.push(`${what}: expected ${should ?? 'none'}, counted ${is ?? 'none'}`)
  }
  for (const group of new Set([...Object.keys(expected.groups), ...Object.keys(actual.groups)])) {
    compare(`records of group ${group}`, expected.groups[group], actual.groups[group])
  }
  for (const code of new Set([...expected.airports.keys(), ...actual.airports.keys()])) {
    const should = expected.airports.get(code)
    const is = actual.airports.get(code)
    compare(`flights from ${code}`, should?.flights, is?.flights)
    compare(`minutes of delay from ${code}`, should?.delay, is?.delay)
    compare(`long delays from ${code}`, should?.longDelays, is?.longDelays)
  }
  return found
}
