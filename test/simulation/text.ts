import type { AnyRecord } from '../../src/record.ts'
import type { TopicPartition } from '../../src/topic-partition.ts'

/** Formats partitions for a transcript. */
export function list(partitions: readonly TopicPartition[]): string {
  return partitions.map(({ topic, partition }) => `${topic}-${partition}`).join(' ') || 'nothing'
}

/** Formats a record's place. */
export function at({ topic, partition, offset }: AnyRecord): string {
  return `${topic}-${partition} ${offset}`
}

/** Formats an error in one line. */
export function describe(error: unknown): string {
  return error instanceof Error ? `${error.name}: ${error.message}` : String(error)
}
