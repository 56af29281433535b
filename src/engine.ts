import type { BrokerClock } from './broker-clock.ts'
import type { BrokerletError } from './errors.ts'
import type { MaybePromise } from './maybe-promise.ts'
import type { Outbox } from './outbox.ts'
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

/** A record that was checked, serialized and given its partition; only the engine's limits can still refuse it. */
export interface ProducerRecord {
  readonly topic: EngineTopic
  readonly partition: number
  readonly key: RecordKey | null
  /** The value in the form that the log keeps. */
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
      /** Topics that are left out even where a pattern matches. */
      readonly except?: readonly string[]
    }
  | { readonly kind: 'assign'; readonly partitions: readonly TopicPartition[] }

/** What a consumer says when it joins. */
export interface JoinRequest {
  /** Undefined for a standalone reader: it gets every partition and commits nothing. */
  readonly groupId: string | undefined
  /** The id that the member has chosen; left out, the engine makes one. */
  readonly memberId?: string
  readonly clientId: string
  readonly groupInstanceId: string | undefined
  readonly interest: Interest
  readonly assignor: unknown
  readonly rebalanceTimeoutMs: number
  readonly sessionTimeoutMs: number
  /** Whether it was a member before: it may then rejoin even if a topic was deleted, which may be created again. */
  readonly rejoins: boolean
  /** Whether topics that it names are created, where they are created when first named; default true. */
  readonly createsTopics?: boolean
}

/** The request of a member that has an id and a group. */
export type MemberRequest = JoinRequest & { readonly groupId: string; readonly memberId: string }

/** A partition under one assignment: assigned again, it has another epoch. */
export interface AssignedPartition extends TopicPartition {
  readonly assignmentEpoch: number
}

/** What changed for a member, to be followed in this order: lost, revoked (then released), assigned. */
export interface AssignmentUpdate {
  readonly lost: readonly TopicPartition[]
  readonly revoked: readonly TopicPartition[]
  readonly assigned: readonly AssignedPartition[]
  /** Whether the member has its whole target assignment. */
  readonly settled: boolean
}

/** Where a consumer begins that has no offset: at the oldest record, at the end, or nowhere. (Kafka: auto.offset.reset) */
export type AutoOffsetReset = 'earliest' | 'latest' | 'none'

/** How the engine reaches a member. It may call at any time, so a listener only notes the call and acts on it later. */
export interface MembershipListener {
  assignmentChanged(update: AssignmentUpdate): void
  fenced(error: BrokerletError): void
  /** Tells, now and then, why the member cannot do for long what is tried again. Left out where nobody wants to know. */
  failing?(error: BrokerletError): void
  /** Whether nobody listens any more: who still joins need not go on. Left out where that is not told. */
  readonly muted?: boolean
  position(topic: string, partition: number): number | undefined
  /** Whether the member has not heard of a partition, and so has nothing to give up. Left out as `keeps`. */
  yields?(topic: string, partition: number): boolean
  /**
   * Whether the member keeps a revoked partition that is to be its own again, since it has not heard of the revocation.
   * Left out for consumers of this process, which hear of it at once.
   */
  keeps?(topic: string, partition: number): boolean
  /** When the member heard of a revocation, on the clock's `monotonic()`; infinite before. Left out as `keeps`. */
  heardAt?(revoked: TopicPartition): number
  readonly autoCommit: boolean
  readonly autoOffsetReset: AutoOffsetReset
  readonly isolationLevel: IsolationLevel
  /** The offset where its client began to read, if only the client knows. Left out for consumers of this process. */
  began?(topic: string, partition: number): number | undefined
  /** Set for clients that could assign themselves: the group does, because of other members. Else left out. */
  readonly protocol?: 'classic'
}

/** The committed offset of one partition, for as long as the member owns the partition under one assignment. */
export interface OwnedOffset {
  /** @throws CommitFailedError where the partition is no longer owned under that assignment */
  commit(offset: number): void
}

/** An offset, and the epoch of the assignment that it was read under; -1 is none, which no group accepts. */
export type EpochOffset = TopicPartitionOffset & { readonly assignmentEpoch: number }

/** What is committed for a partition, and the leader epoch of the record before it, where that was committed, too. */
export type CommittedPosition = OffsetAndMetadata & { readonly leaderEpoch?: number | undefined }

/** A commit that is made later. */
export interface PendingCommit {
  /** Undefined for a reader without a group. */
  readonly groupId: string | undefined
  /** That of the engine which keeps the offsets: a transaction of another one cannot commit them. */
  readonly outbox: Outbox
  readonly offsets: readonly TopicPartition[]
  /** @throws CommitFailedError where `commit` would be refused now */
  check(): void
  commit(): void
}

/** A consumer's place in its group. */
export interface Membership {
  readonly memberId: string
  /**
   * How often finished offsets are committed automatically, in milliseconds. Left out where a commit only changes
   * memory: each one is then made at once.
   */
  readonly autoCommitIntervalMs?: number
  /** @throws UnknownTopicOrPartitionError where a name does not exist */
  subscribe(interest: Interest): MaybePromise<void>
  /** Confirms that the member does nothing more with revoked partitions. */
  release(partitions: readonly AssignedPartition[]): void
  /** @throws CommitFailedError where one of the partitions is no longer this member's; nothing is committed then */
  commit(offsets: readonly EpochOffset[]): MaybePromise<void>
  /**
   * Prepares a commit that a transaction makes later; undefined where nothing can be committed. Left out where the
   * engine's transactions commit offsets in another way.
   */
  prepareCommit?(offsets: readonly EpochOffset[]): PendingCommit | undefined
  /**
   * The committed offset of one owned partition, to be advanced without a lookup each time; undefined where the member
   * no longer owns the partition. Left out where a commit does more than change memory.
   */
  ownedOffset?(partition: TopicPartition, assignmentEpoch: number): OwnedOffset | undefined
  committed(partition: TopicPartition): MaybePromise<CommittedPosition | null>
  /** Leaves the group. `keepPlace`: a static member keeps its partitions for its session timeout. */
  leave(keepPlace: boolean): MaybePromise<void>
}

/** Where a reader of one partition stands. The client owns it; the engine reads from `fetchPosition`. */
export interface FetchPosition extends TopicPartition {
  /** The offset of the next record to fetch; `read` and `readBatch` move it on. */
  fetchPosition: number
  readonly paused: boolean
  /** Where a bounded read ends: once it stands there, nothing more is needed. */
  readonly until?: number | undefined
  /** The leader epoch of the record before the offset where it begins, if that is known. */
  readonly leaderEpoch?: number | undefined
}

/**
 * One partition of a fetch session. Once `poll` has returned it, it is read record by record or in batches. `poll` does
 * not return it again before `next` says that the records read are dealt with.
 */
export interface PartitionFetch {
  /** The next record, as the log keeps it, or undefined where there is none now. */
  read(): ConsumerRecord | undefined
  /**
   * Reads up to `maxRecords` records at once. `fetchPosition` moves to where the log goes on after them, which may be
   * more than the last offset plus one.
   */
  readBatch(maxRecords: number): readonly ConsumerRecord[]
  /** Whether `fetchPosition` is below the log's start or past its end, or what was read before it is there no more. */
  readonly outOfRange: boolean
  /**
   * The offset from which on the log has not what was read before `fetchPosition`, where that is so: its end was lost.
   * Left out where that never happens.
   */
  readonly truncatedTo?: number | undefined
  /** Decodes values; undefined where readers get them as the log keeps them. */
  readonly serde: Serde | undefined
  /** Says that the records read are dealt with: `poll` may return the partition again. */
  next(): void
  /** Takes `next` back: the records read are not dealt with after all, and `poll` waits for another `next`. */
  hold(): void
  /** Called once the partition was paused, resumed or moved: checks again whether there is something to fetch. */
  changed(): void
  stop(): void
  readonly highWatermark: number
  readonly logStartOffset: number
  /** The end for this reader now, which may be before an open transaction; left out where it is the high watermark. */
  readonly endOffset?: number
  /**
   * Counts the records from one offset up to, and without, another one, for lag. Left out where that is unknown: then
   * every offset counts as one record.
   */
  count?(from: number, to: number): number
  /** Asks where the log ends now. Left out where that is always known. */
  refresh?(): Promise<void>
  /** Whether its topic was deleted: one of that name is another one. Left out where that is unknown. */
  readonly deleted?: boolean
  /**
   * The leader epoch of the record before an offset, for a commit of that offset; undefined where that is not known. Left
   * out where logs have no leaders.
   */
  epochBefore?(offset: number): number | undefined
}

/** Reads several partitions, one after the other as they have records. */
export interface FetchSession<Position extends FetchPosition> {
  start(position: Position): MaybePromise<PartitionFetch>
  /**
   * Returns a partition that has something to read or is out of range. Undefined where there is none: `wake` is then
   * called, once, as soon as there is one.
   */
  poll(): Position | undefined
  /**
   * What there is of a partition, without reading it; undefined where the partition is gone. Left out where that would
   * have to be asked for.
   */
  peek?(position: Position): PartitionFetch | undefined
  close(): void
}

/** A client as `idle`, `close` and the end of the process see it. What is optional is left out where it reads nothing. */
export interface EngineClient {
  readonly groupId?: string | undefined
  /** What the client is doing, as sentences; empty when it rests. */
  pending(): string[]
  /** The client's partitions that are paused or cannot go on. */
  readonly paused?: readonly TopicPartition[]
  /** How many records a standalone reader has not read; for a member its group counts them. */
  unread?(): number
  /** A sentence about a consumer that has partitions, and was never asked for their records. */
  readonly unasked?: string | undefined
  close(options: ClientCloseOptions): Promise<readonly Unread[]>
  /** What it has left unread by now. */
  left?(): readonly Unread[]
}

/** How a client is closed. */
export interface ClientCloseOptions {
  readonly timeoutMs?: number | undefined
  readonly drain?: boolean
  /** Whether the process stays alive until the client has closed or `timeoutMs` is over; default true. */
  readonly hold?: boolean
}

/** Records that a closed consumer left unread. */
export interface Unread extends TopicPartition {
  /** The consumer's group; undefined where it had none. */
  readonly group: string | undefined
  /** The offset of the first of them. */
  readonly from: number
  /** How many there are. */
  readonly count: number
}

/** A consumer stopped because of an error, and no member of its group is left to take over. */
export interface GroupStoppedEvent {
  /** The group. */
  readonly groupId: string
  /** The record that its handler failed at; left out where it stopped for another reason. */
  readonly record?: { readonly topic: string; readonly partition: number; readonly offset: number }
  /** The error that stopped the consumer. */
  readonly cause: unknown
}

/** How long a send may wait for room. */
export interface SendWait {
  /** Milliseconds. */
  readonly timeoutMs: number
  /** Each of them ends the wait when it aborts. */
  readonly signals: readonly AbortSignal[]
}

/** The member whose offsets a transaction commits. */
export type CommittingMember = Pick<Membership, 'memberId' | 'prepareCommit'>

/** One transaction of a producer. */
export interface EngineTransaction {
  /** @throws TransactionAbortedError, ProducerFencedError where the transaction has ended */
  append(record: ProducerRecord): MaybePromise<RecordMetadata>
  appendBatch(records: readonly ProducerRecord[]): MaybePromise<RecordMetadata[]>
  /**
   * Adds offsets that are committed with the transaction, and the membership under which they were read.
   *
   * @throws CommitFailedError where one of the partitions is no longer that member's
   */
  sendOffsets(membership: CommittingMember, offsets: readonly EpochOffset[]): MaybePromise<void>
  /** @throws CommitFailedError where a partition is no longer its member's; the transaction is aborted then */
  commit(): MaybePromise<void>
  /** Aborts the transaction; does nothing where it has ended already. */
  abort(): MaybePromise<void>
}

/** A producer with a transactional id. */
export interface TransactionalProducer {
  /** @throws ProducerFencedError where another producer has started with the same transactional id */
  begin(): MaybePromise<EngineTransaction>
}

/** What producers and consumers need from a log, in memory or on a cluster. */
export interface Engine {
  readonly clock: BrokerClock
  readonly outbox: Outbox
  readonly random: () => number
  /** What error messages call the engine. */
  readonly name: string
  /** Whether the engine takes no more calls. */
  readonly closed: boolean
  /** @throws ClosedError */
  requireOpen(): void
  /**
   * A topic; `partition` is one that the caller expects it to have, for an engine that may not have heard of it yet.
   *
   * @throws UnknownTopicOrPartitionError, naming near matches, unless topics are created automatically
   */
  topic(name: string, partition?: number): MaybePromise<EngineTopic>
  /**
   * A send to a topic, which may not exist, waits its turn: an engine that has to look topics up may do so for several at
   * once. Left out where nothing is looked up.
   */
  willSendTo?(topic: string): void
  /** Writes a record; where a log is full and its topic says `whenFull: 'wait'`, waits for room. */
  append(record: ProducerRecord, wait: SendWait): MaybePromise<RecordMetadata>
  /** Writes several records; in memory all or none. */
  appendBatch(records: readonly ProducerRecord[], wait: SendWait): MaybePromise<RecordMetadata[]>
  /**
   * Starts a producer with a transactional id: the producer that had the id before is fenced, and its open transaction
   * is aborted. Left out where there are no transactions.
   */
  initTransactions?(transactionalId: string, timeoutMs: number): MaybePromise<TransactionalProducer>
  join(request: JoinRequest, listener: MembershipListener): MaybePromise<Membership>
  /** What a group has committed for a partition, asked from outside of the group. */
  committed(groupId: string, partition: TopicPartition): MaybePromise<OffsetAndMetadata | null>
  /** `failing` is told, now and then, of what could not be read for long, and is tried again. */
  fetch<Position extends FetchPosition>(
    wake: () => void,
    isolationLevel: IsolationLevel,
    failing?: (error: BrokerletError) => void,
  ): FetchSession<Position>
  /** With `read_committed` the end is before an open transaction. */
  offsetFor(partition: TopicPartition, spec: OffsetSpec, isolationLevel: IsolationLevel): MaybePromise<number>
  /** Makes a client count, until `untrack`, for `idle`, `close` and the end of the process. */
  track(client: EngineClient): void
  untrack(client: EngineClient): void
  /** Says that a consumer of the group stopped because of an error; `left` returns what it had and left unread. */
  consumerStopped(event: GroupStoppedEvent, left: () => readonly Unread[]): void
  /** Says that something changed that a `waitUntil` may wait for. */
  touch(): void
  waitUntil(
    what: string,
    condition: () => boolean,
    explain: () => string,
    timeoutMs: number | undefined,
  ): Promise<void>
}
