import { vi } from 'vitest'
import type { ConsumerOptions, ConsumerRecord, OpenTopics, PubSub } from '../../src/index.ts'

/** Waits for something that comes about elsewhere. */
export function until(condition: () => unknown): Promise<unknown> {
  return vi.waitFor(condition, { timeout: 60_000, interval: 10 })
}

/** Every record of a topic as it is now, in the order of its partitions. */
export async function readAll(
  place: PubSub<OpenTopics>,
  topic: string,
  options: ConsumerOptions = {},
): Promise<ConsumerRecord[]> {
  const reader = place.consumer({ topics: [topic], from: 'beginning', until: 'end', ...options })
  const records: ConsumerRecord[] = []
  for await (const record of reader) records.push(record)
  return records.sort((a, b) => a.partition - b.partition || a.offset - b.offset)
}

/** Writes numbers, one record each, to a partition or by key. */
export async function sendNumbers(
  place: PubSub<OpenTopics>,
  topic: string,
  count: number,
  more: (n: number) => object = () => ({ partition: 0 }),
): Promise<void> {
  const messages = Array.from({ length: count }, (_, value) => ({ topic, value, ...more(value) }))
  await place.producer().sendBatch(messages)
}

export const values = (records: readonly { readonly value: unknown }[]): unknown[] =>
  records.map(({ value }) => value)

export const numbers = (count: number, from = 0): number[] =>
  Array.from({ length: count }, (_, n) => from + n)
