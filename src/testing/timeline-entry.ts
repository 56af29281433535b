import type { RecordKey } from '../record.ts'
import type { TopicPartition, TopicPartitionOffset } from '../topic-partition.ts'

// Aliases, not interfaces: a user's declaration files inline types that are not exported.
/** The member of a group that an entry is about, or a consumer without a group. */
type OfMember = {
  readonly group: string | undefined
  readonly member: string
}

type OfRecord = TopicPartition & {
  readonly offset: number
  readonly key: RecordKey | null
}

/** Something that happened on a broker; `kind` says what. */
export type TimelineEvent =
  | { readonly kind: 'topic created'; readonly topic: string; readonly partitions: number }
  | { readonly kind: 'topic deleted'; readonly topic: string }
  | { readonly kind: 'topic altered'; readonly topic: string; readonly options: readonly string[] }
  | { readonly kind: 'partitions added'; readonly topic: string; readonly partitions: number }
  /** A record is in the log. */
  | ({ readonly kind: 'appended' } & OfRecord)
  | ({ readonly kind: 'joined' } & OfMember)
  | ({ readonly kind: 'left'; readonly reason: string } & OfMember)
  /** A member was assigned partitions that no other member owns any more. */
  | ({ readonly kind: 'assigned'; readonly partitions: readonly TopicPartition[] } & OfMember)
  /** The group asked a member to give up partitions. */
  | ({ readonly kind: 'revoking'; readonly partitions: readonly TopicPartition[] } & OfMember)
  /** A member gave up partitions that were revoked. */
  | ({ readonly kind: 'released'; readonly partitions: readonly TopicPartition[] } & OfMember)
  /** Partitions were taken from a member. */
  | ({ readonly kind: 'lost'; readonly partitions: readonly TopicPartition[] } & OfMember)
  /** A member was fenced: nothing that it still does counts. */
  | ({ readonly kind: 'fenced'; readonly error: unknown } & OfMember)
  /** A consumer starts to read a partition at this offset. */
  | ({ readonly kind: 'started'; readonly offset: number } & TopicPartition & OfMember)
  | ({
      readonly kind: 'reset'
      readonly from: number
      readonly to: number
      readonly reason: string
    } & TopicPartition &
      OfMember)
  /** A consumer moved its own position. */
  | ({ readonly kind: 'sought'; readonly offset: number } & TopicPartition & OfMember)
  /** A handler got a record, or `poll` or an iterator handed it out. */
  | ({ readonly kind: 'delivered'; readonly attempt: number } & OfRecord & OfMember)
  /** The handler of a record ended, or the caller of `poll` or an iterator asked for more. */
  | ({ readonly kind: 'processed' } & OfRecord & OfMember)
  | ({ readonly kind: 'failed'; readonly error: unknown } & OfRecord & OfMember)
  | ({ readonly kind: 'retrying'; readonly attempt: number; readonly delayMs: number } & OfRecord & OfMember)
  /** A record was given up after its last attempt. */
  | ({ readonly kind: 'skipped'; readonly error: unknown } & OfRecord & OfMember)
  /** A record was given up, and written to the dead-letter topic. */
  | ({ readonly kind: 'dead lettered'; readonly error: unknown; readonly to: string } & OfRecord & OfMember)
  /** A record was written to a topic where it waits for its next attempt. */
  | ({
      readonly kind: 'delayed'
      readonly error: unknown
      readonly to: string
      readonly delayMs: number
    } & OfRecord &
      OfMember)
  /** A record waits for its next attempt, and so do later records of its key. */
  | ({ readonly kind: 'parked'; readonly error: unknown; readonly delayMs: number } & OfRecord & OfMember)
  /** A partition is not read further until an unfinished record ends: too many records were read past it. */
  | ({ readonly kind: 'stalled'; readonly offset: number; readonly records: number } & TopicPartition &
      OfMember)
  /** Offsets were committed; `byClient` is there where a client of a server did, `inTransaction` where a transaction did. */
  | ({
      readonly kind: 'committed'
      readonly offsets: readonly TopicPartitionOffset[]
      readonly byClient?: true
      readonly inTransaction?: true
    } & OfMember)
  | ({
      readonly kind: 'commit refused'
      readonly offsets: readonly TopicPartitionOffset[]
      readonly error: unknown
    } & OfMember)
  /** A producer's transaction, with the offsets sent to it. */
  | ({
      readonly kind: 'transaction begun' | 'transaction committed' | 'transaction aborted'
      readonly offsets: readonly TopicPartitionOffset[]
    } & OfMember)
  /** Records left the log before these groups had read them. */
  | ({
      readonly kind: 'dropped'
      readonly from: number
      readonly to: number
      readonly reason: string
      readonly groups: readonly string[]
    } & TopicPartition)
  | { readonly kind: 'rebalanced'; readonly group: string; readonly epoch: number; readonly moved: number }
  | ({ readonly kind: 'restarting'; readonly error: unknown; readonly delayMs: number } & OfMember)
  | ({ readonly kind: 'stopped'; readonly error: unknown } & OfMember)
  | ({ readonly kind: 'closed' } & OfMember)
  /** `broker.crash`. */
  | ({ readonly kind: 'crashed' } & OfMember)
  /** `broker.redeliver`. */
  | ({ readonly kind: 'redelivering'; readonly group: string; readonly offset: number } & TopicPartition)
  /** A fault was met. */
  | {
      readonly kind: 'fault'
      readonly action: 'fail' | 'delay' | 'pause'
      /** The operation, and where it happened. */
      readonly what: string
      /** The member or client that met it. */
      readonly by: string
    }
  /** A handler awaits something that the broker's time does not move: such a run does not replay exactly. */
  | ({ readonly kind: 'outside' } & OfRecord & OfMember)

/** Something that happened to a client, which is the `group` and `member` where these are left out. */
export type ClientEvent<Event = TimelineEvent> = Event extends OfMember
  ? Omit<Event, keyof OfMember> & Partial<OfMember>
  : never

/** The record that an entry is about. */
export function ofRecord({ topic, partition, offset, key }: OfRecord): OfRecord {
  return { topic, partition, offset, key }
}

// Written as an object so that none can be missing.
const everyKind: Readonly<Record<TimelineEvent['kind'], true>> = {
  'topic created': true,
  'topic deleted': true,
  'topic altered': true,
  'partitions added': true,
  appended: true,
  joined: true,
  left: true,
  assigned: true,
  revoking: true,
  released: true,
  lost: true,
  fenced: true,
  started: true,
  reset: true,
  sought: true,
  delivered: true,
  processed: true,
  failed: true,
  retrying: true,
  skipped: true,
  'dead lettered': true,
  delayed: true,
  parked: true,
  stalled: true,
  committed: true,
  'commit refused': true,
  'transaction begun': true,
  'transaction committed': true,
  'transaction aborted': true,
  dropped: true,
  rebalanced: true,
  restarting: true,
  stopped: true,
  closed: true,
  crashed: true,
  redelivering: true,
  fault: true,
  outside: true,
}

/** The kinds of entries. */
export const kinds: readonly string[] = Object.keys(everyKind)

/** A `TimelineEvent` with the time when it happened, in epoch milliseconds of the broker's time. */
export type TimelineEntry = TimelineEvent & { readonly at: number }

/** Entries of one kind. */
export type EntryOf<Kind extends TimelineEntry['kind']> = Extract<TimelineEntry, { readonly kind: Kind }>
