import type { AcknowledgementBatch } from '../../../src/server/share/acknowledgement.ts'
import type { AcquiredRecords } from '../../../src/server/share/acquisition.ts'
import type { OffsetSpan } from '../../../src/server/share/offset-span.ts'
import type { ShareLimits, SharePartition } from '../../../src/server/share/share-partition.ts'

interface Wish {
  readonly memberId?: string
  readonly maxRecords?: number
  readonly exact?: boolean
  readonly batchSize?: number
  readonly lockedUntil?: number
  /** Batches that were read; by default one of ten records. */
  readonly batches?: readonly OffsetSpan[]
  /** Offsets without a record that the group gets. */
  readonly without?: readonly number[]
}

export const generous: ShareLimits = { deliveryCountLimit: 5, maxRecordLocks: 2000, renews: true }
export const ten = [{ first: 0, last: 9 }]
export const pairs = [0, 2, 4, 6, 8].map(first => ({ first, last: first + 1 }))

export function acquire(partition: SharePartition, wish: Wish = {}, limits: ShareLimits = generous): string {
  const { without = [], batches = ten } = wish
  const acquired = partition.acquire(
    {
      memberId: 'a',
      maxRecords: 500,
      exact: false,
      batchSize: 500,
      lockedUntil: 30_000,
      ...wish,
      batches,
      readable: (from, to) => runsWithout(from, to, without),
    },
    limits,
  )
  return text(acquired)
}

function runsWithout(from: number, to: number, without: readonly number[]): OffsetSpan[] {
  const runs: { first: number; last: number }[] = []
  for (let offset = from; offset < to; offset++) {
    if (without.includes(offset)) continue
    const run = runs.at(-1)
    if (run?.last === offset - 1) run.last = offset
    else runs.push({ first: offset, last: offset })
  }
  return runs
}

const text = (acquired: readonly AcquiredRecords[]) =>
  acquired.map(({ first, last, deliveryCount }) => `${first}-${last} x${deliveryCount}`).join(', ')

export const say = (partition: SharePartition, memberId: string, ...batches: AcknowledgementBatch[]) =>
  partition.acknowledge(memberId, batches, generous, 60_000)
