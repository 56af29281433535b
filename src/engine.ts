import type { BrokerClock } from './broker-clock.ts'
import type { BrokerletError } from './errors.ts'
import type { Outbox } from './events.ts'
import type { MaybePromise } from './maybe-promise.ts'
import type { ConsumerRecord, IsolationLevel, RecordHeaders, RecordKey, RecordMetadata } from './record.ts'
import type { Serde } from './serde.ts'
import type {
  OffsetAndMetadata,
  OffsetSpec,
  TopicPartition,
  TopicPartitionOffset,
} from './topic-partition.ts'
import type { TopicPattern } from './topic-pattern.ts'

/** A topic, as a client needs to know it. */
export interface EngineTopic {
  readonly name: string
  readonly partitionCount: number
  readonly serde: Serde
}

/** A record that was checked, serialized and given its partition; nothing can be wrong with it but its engine's limits. */
export interface ProducerRecord {
  readonly topic: EngineTopic
  readonly partition: number
  readonly key: RecordKey | null
  /** As the log keeps it. */
  readonly value: unknown
  readonly headers: RecordHeaders
  /** Epoch milliseconds; undefined is the time of the append. */
  readonly timestamp: number | undefined
}

/** What a consumer wants to read. */
export type Interest =
  | { readonly kind: 'topics'; readonly names: readonly string[] }
  | {
      readonly kind: 'patterns'
      readonly patterns: readonly TopicPattern[]
      /** Topics that no pattern picks up. */
      readonly except?: readonly string[]
    }
  | { readonly kind: 'assign'; readonly partitions: readonly TopicPartition[] }

/** What a consumer says when it joins. */
export interface JoinRequest {
  /** Undefined for a standalone reader: it gets every partition and commits nothing. */
  readonly groupId: string | undefined
  /** Its id, where it has chosen one; else it is given one. */
  readonly memberId?: string
  readonly clientId: string
  readonly groupInstanceId: string | undefined
  readonly interest: Interest
  readonly assignor: unknown
  readonly rebalanceTimeoutMs: number
  readonly sessionTimeoutMs: number
  /** It has been a member before: what is deleted since then may come again, and does not keep it from coming back. */
  readonly rejoins: boolean
}

/** A member that has an id, and its group. */
export type MemberRequest = JoinRequest & { readonly groupId: string; readonly memberId: string }

/** What changed for a member, to be followed in this order: lost, revoked (then released), assigned. */
export interface AssignmentUpdate {
  readonly lost: readonly TopicPartition[]
  readonly revoked: readonly TopicPartition[]
  readonly assigned: readonly (TopicPartition & { readonly assignmentEpoch: number })[]
  /** Whether the member has all that it is meant to have. */
  readonly settled: boolean
}

/** How the engine reaches a member. It may call at any time: what is to be done about it is done later, elsewhere. */
export interface MembershipListener {
  assignmentChanged(update: AssignmentUpdate): void
  fenced(error: BrokerletError): void
  position(topic: string, partition: number): number | undefined
  readonly autoCommit: boolean
  readonly autoOffsetReset: 'earliest' | 'latest' | 'none'
  readonly isolationLevel: IsolationLevel
  /** Where its client began to read a partition, if only that can tell. Left out for consumers of this process. */
  began?(topic: string, partition: number): number | undefined
  /** Its client could assign as well: the group assigns for it only because of the others. Left out for all else. */
  readonly protocol?: 'classic'
}

/** The committed offset of one partition, for as long as it is held under one assignment. */
export interface OwnedOffset {
  /** @throws CommitFailedError where the partition is no longer held under that assignment */
  commit(offset: number): void
}

/** An offset, and the epoch of the assignment that it was read under; -1 is none, which no group accepts. */
export type EpochOffset = TopicPartitionOffset & { readonly assignmentEpoch: number }

/** A commit that is made later. */
export interface PendingCommit {
  /** Undefined where nobody shares what is read. */
  readonly groupId: string | undefined
  readonly offsets: readonly TopicPartition[]
  /** @throws CommitFailedError where it would be refused now */
  check(): void
  commit(): void
}

/** A consumer's place in its group. */
export interface Membership {
  readonly memberId: string
  /**
   * How often what is finished is committed by itself, in milliseconds. Left out where a commit is a matter of memory and
   * made each time.
   */
  readonly autoCommitIntervalMs?: number
  /** @throws UnknownTopicOrPartitionError where a name does not exist */
  subscribe(interest: Interest): MaybePromise<void>
  /** Says that nothing more is done with revoked partitions. */
  release(partitions: readonly TopicPartition[]): void
  /** @throws CommitFailedError where one of them is no longer this member's; nothing is committed then */
  commit(offsets: readonly EpochOffset[]): MaybePromise<void>
  /**
   * The same for later, in a transaction; undefined where nothing can be committed. Left out where the engine's
   * transactions find another way.
   */
  prepareCommit?(offsets: readonly EpochOffset[]): PendingCommit | undefined
  /**
   * The committed offset of one owned partition, to be moved on without looking for it each time; undefined where the
   * partition is gone. Left out where a commit is more than a matter of memory.
   */
  ownedOffset?(partition: TopicPartition, assignmentEpoch: number): OwnedOffset | undefined
  committed(partition: TopicPartition): MaybePromise<OffsetAndMetadata | null>
  /** `keepPlace`: a static member's partitions wait for it for its session time. */
  leave(keepPlace: boolean): MaybePromise<void>
}

/** Where a reader of one partition stands. The client owns it; the engine reads from `fetchPosition`. */
export interface FetchPosition extends TopicPartition {
  /** The offset of the next record to fetch; `read` and `readBatch` move it on. */
  fetchPosition: number
  readonly paused: boolean
}

/**
 * One partition of a fetch session. What `poll` gave is read record by record or in batches; until `next` says that it is
 * dealt with, `poll` does not give the partition again.
 */
export interface PartitionFetch {
  /** The next record, as the log keeps it, or undefined where there is none now. */
  read(): ConsumerRecord | undefined
  /**
   * Up to so many at once. `fetchPosition` moves to where the log goes on after them, which may be more than the last
   * offset plus one.
   */
  readBatch(maxRecords: number): readonly ConsumerRecord[]
  /** Whether `fetchPosition` is below the log's start or past its end. */
  readonly outOfRange: boolean
  /** How values are decoded, where what the log keeps is not what a reader gets. */
  readonly serde: Serde | undefined
  /** What was polled is dealt with: the partition may be polled again. */
  next(): void
  /** Takes `next` back: what was polled is not dealt with after all, and nothing more is handed out until the next one. */
  hold(): void
  /** Paused, resumed or moved: looks again at whether there is something to fetch. */
  changed(): void
  stop(): void
  readonly highWatermark: number
  readonly logStartOffset: number
  /** Where this reader comes to an end now, before an open transaction; left out where that is the high watermark. */
  readonly endOffset?: number
  /**
   * How many records there are from an offset on and before another one, for lag. Left out where nobody knows: then every
   * offset counts as one.
   */
  count?(from: number, to: number): number
  /** Learns where the log ends now. Left out where that is always known. */
  refresh?(): Promise<void>
}

/** Reads several partitions, one after the other as they have records. */
export interface FetchSession<Position extends FetchPosition> {
  start(position: Position): MaybePromise<PartitionFetch>
  /**
   * A partition that has something to read, or is out of range; undefined where there is none: `wake` is then called once
   * when there is.
   */
  poll(): Position | undefined
  close(): void
}

/** What a client shows of itself to those who wait for the engine to come to rest. */
export interface EngineClient {
  readonly groupId: string | undefined
  /** What it is doing, as sentences, or nothing when it rests. `lag`: counts as work what it has not read. */
  pending(): string[]
  /** Its partitions that are paused or cannot go on. */
  readonly paused: readonly TopicPartition[]
  /** Records that a standalone reader has not read; a group's are counted by the group. */
  unread(): number
  close(options: ClientCloseOptions): Promise<readonly Unread[]>
}

/** How a client is closed. */
export interface ClientCloseOptions {
  readonly timeoutMs?: number | undefined
  readonly drain?: boolean
  /** Whether the process stays alive until it has ended, or its time is over; default true. */
  readonly hold?: boolean
}

/** Records that a closed consumer left unread. */
export interface Unread extends TopicPartition {
  readonly group: string | undefined
  /** The offset of the first of them. */
  readonly from: number
  readonly count: number
}

/** A consumer stopped because of an error, and no member of its group is left to take over. */
export interface GroupStoppedEvent {
  readonly groupId: string
  /** The record that its handler failed at, where it was one. */
  readonly record?: { readonly topic: string; readonly partition: number; readonly offset: number }
  readonly cause: unknown
}

/** How long a send may wait for room. */
export interface SendWait {
  /** Milliseconds. */
  readonly timeoutMs: number
  /** Any of them ends it. */
  readonly signals: readonly AbortSignal[]
}

/** Whose offsets a transaction commits. */
export type CommittingMember = Pick<Membership, 'memberId' | 'prepareCommit'>

/** One transaction of a producer. */
export interface EngineTransaction {
  /** @throws TransactionAbortedError, ProducerFencedError where it has ended */
  append(record: ProducerRecord): MaybePromise<RecordMetadata>
  appendBatch(records: readonly ProducerRecord[]): MaybePromise<RecordMetadata[]>
  /**
   * Offsets that count when it commits, and under which membership they were read.
   *
   * @throws CommitFailedError where one of them is no longer that member's
   */
  sendOffsets(membership: CommittingMember, offsets: readonly EpochOffset[]): MaybePromise<void>
  /** @throws CommitFailedError where an offset is no longer its member's by now; it is aborted then */
  commit(): MaybePromise<void>
  /** Where it has ended already this does nothing. */
  abort(): MaybePromise<void>
}

/** A producer with a transactional id. */
export interface TransactionalProducer {
  /** @throws ProducerFencedError where another one has come with its id */
  begin(): MaybePromise<EngineTransaction>
}

/** What producers and consumers need from a log, in memory or on a cluster. */
export interface Engine {
  readonly clock: BrokerClock
  readonly outbox: Outbox
  readonly random: () => number
  /** What error messages call it. */
  readonly name: string
  /** Whether it takes no more calls. */
  readonly closed: boolean
  /** @throws ClosedError */
  requireOpen(): void
  /**
   * A topic; `partition` is one that somebody expects it to have, for an engine that may not have heard of it yet.
   *
   * @throws UnknownTopicOrPartitionError, naming near matches, unless topics are created automatically
   */
  topic(name: string, partition?: number): MaybePromise<EngineTopic>
  /** Where a log is full and its topic says so, it waits for room. */
  append(record: ProducerRecord, wait: SendWait): MaybePromise<RecordMetadata>
  /** All or nothing in memory. */
  appendBatch(records: readonly ProducerRecord[], wait: SendWait): MaybePromise<RecordMetadata[]>
  /**
   * A producer comes with a transactional id: the one that had it before is fenced, and what that had open is aborted.
   * Left out where there are no transactions.
   */
  initTransactions?(transactionalId: string, timeoutMs: number): MaybePromise<TransactionalProducer>
  join(request: JoinRequest, listener: MembershipListener): MaybePromise<Membership>
  /** What a group has committed of a partition, as somebody sees it who is no member. */
  committed(groupId: string, partition: TopicPartition): MaybePromise<OffsetAndMetadata | null>
  fetch<Position extends FetchPosition>(
    wake: () => void,
    isolationLevel: IsolationLevel,
  ): FetchSession<Position>
  /** With `read_committed` the end is before an open transaction. */
  offsetFor(partition: TopicPartition, spec: OffsetSpec, isolationLevel: IsolationLevel): MaybePromise<number>
  /** A client counts from here until `untrack`: for `idle`, `close` and the process's end. */
  track(client: EngineClient): void
  untrack(client: EngineClient): void
  /** A consumer of the group stopped because of an error; `left` says what it had and nobody has read. */
  consumerStopped(event: GroupStoppedEvent, left: () => readonly Unread[]): void
  /** Something changed that somebody may wait for. */
  touch(): void
  waitUntil(
    what: string,
    condition: () => boolean,
    explain: () => string,
    timeoutMs: number | undefined,
    options?: { readonly hold?: boolean },
  ): Promise<void>
}
