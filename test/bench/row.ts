import type { Figure, Scale } from './measure.ts'
import type { SectionName } from './sections.ts'

/** One task of the benchmark: the table has a line of it for brokerlet and for each yardstick. */
export interface Row {
  readonly name: string
  readonly section: SectionName
  readonly what: string
  readonly unit: 'ns/record' | 'ns/look-up' | 'bytes/record' | 'µs' | 'ms' | 'records' | 'MB' | 'kB' | 'times'
  /** What the target applies to: the ratio (default), or brokerlet's own figure. */
  readonly judged?: 'ratio' | 'ours'
  /** The highest allowed value, by yardstick. */
  readonly targets?: Readonly<Record<string, number>>
  /** What must be running or built to measure the row. */
  readonly needs?: Need
  /** Measures the row; `where` is the need's address or folder. */
  measure(scale: Scale, where?: string): Promise<Figure[]>
}

export type Need = 'the built package' | 'nats-server' | 'redis-server' | 'Apache Kafka'
