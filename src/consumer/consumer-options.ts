import type { Assignor } from '../assignor.ts'
import type { AutoOffsetReset, Interest } from '../engine.ts'
import { InvalidOptionError } from '../errors.ts'
import { isTopicPartition, namedOffset, offsetSpec } from '../offset-checks.ts'
import type { IsolationLevel } from '../record.ts'
import { formatTopicPartition, type OffsetSpec, type TopicPartition } from '../topic-partition.ts'
import {
  abortSignal,
  boolean,
  type Check,
  type Checks,
  callback,
  checkOptions,
  duration,
  either,
  integer,
  invalidOption,
  isListOf,
  listOf,
  name,
  type OtherWords,
  objectWith,
  oneOf,
  optionError,
} from '../validate.ts'

/** A partition to read, and where to begin: by default where the group left off, else by the reset policy. */
export interface ManualAssignment<Name extends string = string> extends TopicPartition<Name> {
  /** Where to begin; default what the group has committed, else `autoOffsetReset`. */
  readonly offset?: OffsetSpec | undefined
}

/** How a consumer reads. Times are milliseconds. */
export interface ConsumerOptions<Name extends string = string> {
  /** The group whose load it shares; without one it reads every partition by itself and commits nothing. */
  groupId?: string | undefined
  /** The topics that it reads: names, or patterns, which pick up topics created later, too. */
  topics?: readonly Name[] | RegExp | readonly RegExp[] | undefined
  /** Where a reader without a group begins; default by `autoOffsetReset`. */
  from?: 'beginning' | 'end' | { readonly timestamp: number } | undefined
  /** Closes a reader without a group once it has read what was there when it began. */
  until?: 'end' | undefined
  /** Reads these partitions and no others, without any rebalance; excludes `topics`. */
  assign?: readonly ManualAssignment<Name>[] | undefined
  /** Where to begin when nothing is committed, or what is committed is out of range; default `earliest`. */
  autoOffsetReset?: 'earliest' | 'latest' | 'none' | undefined
  /**
   * Whether records are committed as they are finished; default true. If not, you commit: also on 'skipped',
   * 'deadLettered' and 'delayed', which finish a record that its handler has failed at.
   */
  autoCommit?: boolean | undefined
  /** Whether records of open and aborted transactions are read, too (Kafka's default); default `read_committed`. */
  isolationLevel?: IsolationLevel | undefined
  /** Makes it a static member, which keeps its partitions for `sessionTimeoutMs` after `close`. (KIP-345) */
  groupInstanceId?: string | undefined
  /** What its member id begins with; default `consumer`. */
  clientId?: string | undefined
  /** How many records are fetched at once; default 500. */
  maxPollRecords?: number | undefined
  /** The longest that a record, or a batch, or the time between two polls may take, 1 or more; default 300,000. */
  maxPollIntervalMs?: number | undefined
  /** How long the consumer may take to give partitions up before the group removes it; default `maxPollIntervalMs`. */
  rebalanceTimeoutMs?: number | undefined
  /** How long a member that is gone without leaving keeps its place; default 45,000. */
  sessionTimeoutMs?: number | undefined
  /** How the group assigns partitions, the same for all its members; default `uniform`. */
  assignor?: 'uniform' | 'range' | Assignor | undefined
  /** Closes the consumer when it aborts, in whichever way it consumes: `run` and loops end, `poll` gives nothing more. */
  signal?: AbortSignal | undefined
  /** Awaited before anything of newly assigned partitions is handed out. The array is the hook's own, as those below. */
  onAssigned?: ((partitions: TopicPartition[]) => unknown) | undefined
  /** Awaited before the partitions go to another member; what it commits still counts. */
  onRevoked?: ((partitions: TopicPartition[]) => unknown) | undefined
  /**
   * Awaited after partitions were lost: another member may have them already. Called, and not awaited, by a `close` whose
   * time is up while a handler or a hook is still at work. A partition that `onRevoked` was called for is not named again.
   */
  onLost?: ((partitions: TopicPartition[]) => unknown) | undefined
}

/** The options with every default filled in; `autoCommit` is false where there is no group to commit for. */
export interface ResolvedConsumerOptions {
  readonly groupId: string | undefined
  readonly interest: Interest
  readonly from: OffsetSpec | undefined
  readonly bounded: boolean
  readonly startAt: readonly ManualAssignment[]
  readonly autoOffsetReset: AutoOffsetReset
  readonly autoCommit: boolean
  readonly isolationLevel: IsolationLevel
  readonly groupInstanceId: string | undefined
  readonly clientId: string
  readonly maxPollRecords: number
  readonly maxPollIntervalMs: number
  readonly rebalanceTimeoutMs: number
  readonly sessionTimeoutMs: number
  readonly assignor: ConsumerOptions['assignor']
  readonly onAssigned: ConsumerOptions['onAssigned']
  readonly onRevoked: ConsumerOptions['onRevoked']
  readonly onLost: ConsumerOptions['onLost']
}

const assignmentList: Check = listOf({
  expected: '{ topic, partition, offset? } with whole numbers, 0 or more',
  accepts: value =>
    isTopicPartition(value) && (value.offset === undefined || offsetSpec.accepts(value.offset)),
})

/** What `topics` may be. */
export const topicList: Check = {
  expected: "an array of topic names, such as ['orders'], a RegExp or an array of RegExps",
  accepts: value => toInterest(value) !== undefined,
}

// As Kafka's (max.poll.interval.ms): at 0 every handler that takes any time would be too late, for ever.
const interval: Check = {
  expected: 'a number of milliseconds, 1 or more (Infinity for no limit)',
  accepts: value => duration.accepts(value) && (value as number) >= 1,
}

const checks: Checks<ConsumerOptions> = {
  groupId: name,
  topics: topicList,
  from: namedOffset,
  until: oneOf('end'),
  assign: assignmentList,
  autoOffsetReset: oneOf('earliest', 'latest', 'none'),
  autoCommit: boolean,
  isolationLevel: oneOf('read_committed', 'read_uncommitted'),
  groupInstanceId: name,
  clientId: name,
  maxPollRecords: integer(1),
  maxPollIntervalMs: interval,
  rebalanceTimeoutMs: duration,
  sessionTimeoutMs: duration,
  // The names as literals: a bundler keeps what reads them from a list, also for who needs no consumer.
  assignor: either(oneOf('uniform', 'range'), objectWith('assign')),
  signal: abortSignal,
  onAssigned: callback,
  onRevoked: callback,
  onLost: callback,
}

/** What there is instead of KafkaJS's option, which is about where a group begins that has committed nothing. */
export const insteadOfFromBeginning = {
  instead: `a consumer begins at the oldest record, unless it has autoOffsetReset: 'latest'`,
} as const

const ofRun = { instead: 'that is an option of run()' } as const

// What KafkaJS has, and what belongs to `run`.
const otherWords: OtherWords<ConsumerOptions> = {
  group: 'groupId',
  fromBeginning: insteadOfFromBeginning,
  readUncommitted: 'isolationLevel',
  eachMessage: { instead: 'the handler is an option of run(): run({ eachRecord })' },
  eachRecord: ofRun,
  eachBatch: ofRun,
  concurrency: ofRun,
  ordering: ofRun,
  retry: ofRun,
  onFailure: ofRun,
}

/** Checks a consumer's options, alone and against each other, and fills in what is left out. */
export function resolveConsumerOptions(options: ConsumerOptions): ResolvedConsumerOptions {
  checkOptions('Consumer', options, checks, otherWords)
  refuseWildcards('Consumer', options.topics)
  const { groupId, topics, assign, maxPollIntervalMs = 300_000 } = options
  if (topics !== undefined && assign !== undefined) {
    throw new InvalidOptionError(`Consumer: options 'topics' and 'assign' exclude each other`, {
      option: 'assign',
    })
  }
  for (const option of ['from', 'until'] as const) {
    if (options[option] !== undefined && (groupId !== undefined || assign !== undefined)) {
      throw optionError(
        'Consumer',
        option,
        'is for a reader without groupId and assign; ' +
          'a group goes on where it left off, and assign takes an offset per partition',
      )
    }
  }
  for (const option of ['groupInstanceId', 'assignor'] as const) {
    if (options[option] !== undefined && (groupId === undefined || assign !== undefined)) {
      throw optionError('Consumer', option, 'is for a member of a group (groupId, no assign)')
    }
  }
  const { autoOffsetReset = 'earliest', isolationLevel = 'read_committed', clientId = 'consumer' } = options
  const { maxPollRecords = 500, rebalanceTimeoutMs = maxPollIntervalMs, sessionTimeoutMs = 45_000 } = options
  const { from, groupInstanceId, assignor, onAssigned, onRevoked, onLost } = options
  return {
    groupId,
    interest: assign ? toAssignInterest(assign) : toInterest(topics ?? [])!,
    from,
    bounded: options.until === 'end',
    startAt: assign ?? [],
    autoOffsetReset,
    autoCommit: groupId !== undefined && (options.autoCommit ?? true),
    isolationLevel,
    groupInstanceId,
    clientId,
    maxPollRecords,
    maxPollIntervalMs,
    rebalanceTimeoutMs,
    sessionTimeoutMs,
    assignor,
    onAssigned,
    onRevoked,
    onLost,
  }
}

/** The interest that `topics` stands for, or undefined where it is invalid. */
export function toInterest(topics: unknown): Exclude<Interest, { kind: 'assign' }> | undefined {
  const list: readonly unknown[] = Array.isArray(topics) ? topics : [topics]
  if (Array.isArray(topics) && isListOf(list, each => typeof each === 'string'))
    return { kind: 'topics', names: [...list] as string[] }
  if (!isListOf<RegExp>(list, each => each instanceof RegExp)) return undefined
  // Without g and y, which would make a pattern remember where it last matched.
  return {
    kind: 'patterns',
    patterns: list.map(each => new RegExp(each.source, each.flags.replace(/[gy]/g, ''))),
  }
}

/** Refuses a name with a wildcard: no topic has one, and whoever comes from an event emitter means a pattern. */
export function refuseWildcards(where: string, topics: ConsumerOptions['topics']): void {
  const wildcard =
    Array.isArray(topics) && topics.find(each => typeof each === 'string' && each.includes('*'))
  if (!wildcard) return
  throw optionError(where, 'topics', `has '${wildcard}'; a pattern is a RegExp, such as /^order\\./`)
}

// The interest that `assign` stands for.
function toAssignInterest(partitions: readonly TopicPartition[]): Interest {
  const seen = new Set<string>()
  for (const tp of partitions) {
    const id = formatTopicPartition(tp)
    if (seen.has(id)) throw invalidOption('Consumer', 'assign', 'each partition once', id)
    seen.add(id)
  }
  return { kind: 'assign', partitions: partitions.map(({ topic, partition }) => ({ topic, partition })) }
}
