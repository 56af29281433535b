import type { Server } from './server.ts'

/** How much a row measures: for full figures, or just to see that it runs. */
export interface Scale {
  /** The share of a row's records to use. */
  readonly share: number
  /** The number of rounds that do not count. */
  readonly warmUps: number
  readonly rounds: number
}

export const full: Scale = { share: 1, warmUps: 2, rounds: 7 }
export const quick: Scale = { share: 0.1, warmUps: 1, rounds: 1 }
export const tiny: Scale = { share: 0.001, warmUps: 0, rounds: 1 }

/** A measurement of one server, in the row's unit. */
export interface Row {
  readonly name: string
  readonly what: string
  readonly unit: 'records/s' | 'ms' | 'bytes/byte'
  /** The bytes of a value, where records are counted. */
  readonly recordBytes?: number
  /** Brokerlet's figure as a multiple of a peer's: at least this for a rate, otherwise at most. */
  readonly targets?: Readonly<Record<string, number>>
  /** The highest allowed figure of brokerlet, in the row's unit. */
  readonly limit?: number
  /** Resolves with the reason where the row cannot be measured here, or undefined. */
  install?(): Promise<string | undefined>
  /** Whether each round has new servers, which have done nothing yet. */
  readonly fresh?: boolean
  /** Servers that the row cannot measure, and why. */
  readonly without?: Readonly<Record<string, string>>
  /** Measures one round. */
  measure(server: Server, scale: Scale): Promise<number>
}

export function isRate({ unit }: Pick<Row, 'unit'>): boolean {
  return unit === 'records/s'
}
