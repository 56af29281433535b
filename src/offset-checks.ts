import { type Check, either, integer, listOf, oneOf } from './validate.ts'

const offset = integer(0)

/** A time: where a partition's records from then on begin. */
const timestampSpec: Check = {
  expected: '{ timestamp } in epoch milliseconds',
  accepts: value =>
    typeof value === 'object' &&
    value !== null &&
    Number.isFinite((value as { readonly timestamp?: unknown }).timestamp),
}

/** A place in a partition that goes by a name or a time. */
export const namedOffset: Check = either(oneOf('beginning', 'end'), timestampSpec)

/** A place in a partition. */
export const offsetSpec: Check = either(offset, namedOffset)

/** One partition. */
export const onePartition: Check = {
  expected: '{ topic, partition } with a whole number, 0 or more',
  accepts: isTopicPartition,
}

/** Partitions. */
export const partitionList: Check = listOf({
  expected: '{ topic, partition } with whole numbers, 0 or more',
  accepts: isTopicPartition,
})

/** Offsets of partitions, as a commit takes them. */
export const offsetList: Check = listOf({
  expected: '{ topic, partition, offset, metadata? } with whole numbers, 0 or more',
  accepts: value =>
    isTopicPartition(value) &&
    offset.accepts(value.offset) &&
    (value.metadata === undefined || typeof value.metadata === 'string'),
})

/** Where a whole group can be set to. */
export const groupOffsets: Check = either(offsetList, either(oneOf('earliest', 'latest'), timestampSpec))

/** Whether a value names a partition. */
export function isTopicPartition(value: unknown): value is Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null) return false
  const { topic, partition } = value as Readonly<Record<string, unknown>>
  return typeof topic === 'string' && offset.accepts(partition)
}
