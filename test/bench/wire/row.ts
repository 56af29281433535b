import type { Server } from './server.ts'

/** How much a row does: full figures, or just enough to see that it runs. */
export interface Scale {
  /** The share of a row's records that it works with. */
  readonly share: number
  /** Rounds that do not count. */
  readonly warmUps: number
  readonly rounds: number
}

export const full: Scale = { share: 1, warmUps: 2, rounds: 7 }
export const quick: Scale = { share: 0.1, warmUps: 1, rounds: 1 }
export const tiny: Scale = { share: 0.001, warmUps: 0, rounds: 1 }

/** What one server gives, round by round, in the row's unit. */
export interface Row {
  readonly name: string
  readonly what: string
  readonly unit: 'records/s' | 'ms' | 'bytes/byte'
  /** Where records are counted, the bytes of a value. */
  readonly recordBytes?: number
  /** What brokerlet's figure is to be: at least so many times that of a peer for a rate, otherwise at most so many times. */
  readonly targets?: Readonly<Record<string, number>>
  /** What brokerlet's figure is to be at most, in the row's unit. */
  readonly limit?: number
  /** Gives why it cannot be measured here, or undefined. */
  install?(): Promise<string | undefined>
  /** Whether each round has servers of its own, that have done nothing yet. */
  readonly fresh?: boolean
  /** Servers of which it can say nothing, and why. */
  readonly without?: Readonly<Record<string, string>>
  /** One round. */
  measure(server: Server, scale: Scale): Promise<number>
}

export function isRate({ unit }: Pick<Row, 'unit'>): boolean {
  return unit === 'records/s'
}
