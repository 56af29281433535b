import type { PartitionHistory } from './group-history.ts'
import type { TimelineEntry } from './timeline-entry.ts'

type Done = Extract<TimelineEntry, { readonly kind: 'processed' | 'dead lettered' | 'delayed' }>

// Whether the record was processed, or written to another topic.
function isDone(entry: TimelineEntry): entry is Done {
  return entry.kind === 'processed' || entry.kind === 'dead lettered' || entry.kind === 'delayed'
}

/**
 * Returns a function that says of each entry in turn which records the group has finished by it. What a member has in
 * hand when a transaction commits past it needs no end of its handler: the transaction has what came of it.
 */
export function followFinished(history: PartitionHistory): (entry: TimelineEntry) => readonly number[] {
  const inHand = new Map<number, string>()
  return entry => {
    if (entry.kind === 'delivered') inHand.set(entry.offset, entry.member)
    if (entry.kind === 'failed') inHand.delete(entry.offset)
    if (isDone(entry)) {
      inHand.delete(entry.offset)
      return [entry.offset]
    }
    if (entry.kind !== 'committed' || entry.inTransaction !== true) return []
    const committed = history.committedBy(entry)
    return [...inHand].flatMap(([offset, member]) =>
      member === entry.member && offset < committed ? [offset] : [],
    )
  }
}
