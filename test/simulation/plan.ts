import type { Assignor } from '../../src/assignor.ts'
import type { ConsumerOptions } from '../../src/consumer/consumer-options.ts'
import type { OnFailure } from '../../src/consumer/run-options.ts'
import type { Random } from '../../src/testing/random.ts'

/** The way in which a consumer is used. */
export type Mode = 'eachRecord' | 'eachBatch' | 'poll' | 'for await' | 'batches'

/** The traits of a consumer, for all of its life; chances are per record or batch. */
export interface Plan {
  readonly mode: Mode
  /** How often its work takes no time. */
  readonly sync: number
  /** The longest that its work takes when it is not stuck, in milliseconds. */
  readonly slowestMs: number
  readonly fails: number
  readonly stuck: number
  /** How often its work never ends. */
  readonly endless: number
  readonly seeks: number
  readonly pauses: number
  /** How often a hook takes time, and how long at most, in milliseconds. */
  readonly slowHooks: number
  readonly slowestHookMs: number
  readonly hooksFail: number
  readonly attempts: number
  readonly retryDelayMs: number
  readonly onFailure: OnFailure
  readonly maxRecords: number
  readonly lingerMs: number
  readonly options: Omit<ConsumerOptions, 'onAssigned' | 'onRevoked' | 'onLost'>
}

/** A group of a schedule; all its members ask for the same assignor. */
export interface GroupPlan {
  readonly id: string
  readonly assignor: NonNullable<ConsumerOptions['assignor']>
}

/** Draws the traits of a new member of a group. */
export function drawPlan(random: Random, { id, assignor }: GroupPlan, topics: readonly string[]): Plan {
  const maxPollIntervalMs = random.pick([400, 1500, 300_000])
  const groupInstanceId = random.chance(0.25) ? `${id}-s${random.integer(1, 2)}` : undefined
  return {
    mode: random.pick(['eachRecord', 'eachRecord', 'eachBatch', 'poll', 'for await', 'batches']),
    sync: random.pick([0, 0.5, 1]),
    slowestMs: random.pick([0, 20, 200]),
    fails: random.pick([0, 0, 0.1, 0.4]),
    stuck: random.pick([0, 0, 0.05]),
    endless: random.pick([0, 0, 0, 0.03]),
    seeks: random.pick([0, 0, 0, 0.05]),
    pauses: random.pick([0, 0, 0.05]),
    slowHooks: random.pick([0, 0, 0.5]),
    slowestHookMs: random.pick([10, 100, 1000]),
    hooksFail: random.pick([0, 0, 0, 0.1]),
    attempts: random.integer(1, 4),
    retryDelayMs: random.pick([0, 10, 100, 300]),
    onFailure: random.pick(['restart', 'restart', 'skip', 'stop']),
    maxRecords: random.pick([1, 3, 500]),
    lingerMs: random.pick([0, 0, 50]),
    options: {
      groupId: id,
      topics: drawTopics(random, topics),
      assignor,
      autoOffsetReset: random.chance(0.15) ? 'latest' : 'earliest',
      autoCommit: random.chance(0.8),
      maxPollRecords: random.pick([1, 2, 7, 500]),
      maxPollIntervalMs,
      rebalanceTimeoutMs: random.pick([200, 1000, maxPollIntervalMs]),
      sessionTimeoutMs: random.pick([500, 3000]),
      ...(groupInstanceId === undefined ? {} : { groupInstanceId }),
    },
  }
}

/** Draws the topics that a member reads: some by name, or all that match a pattern. */
export function drawTopics(random: Random, topics: readonly string[]): string[] | RegExp {
  if (random.chance(0.25)) return random.pick([/^t/, /^t[12]$/])
  const some = random.some(topics, 0.6)
  return some.length > 0 ? some : [...topics]
}

/** A member that handles everything at once, which a group needs to come to rest at the end. */
export function healthyPlan({ id, assignor }: GroupPlan): Plan {
  return {
    mode: 'eachRecord',
    sync: 1,
    slowestMs: 0,
    fails: 0,
    stuck: 0,
    endless: 0,
    seeks: 0,
    pauses: 0,
    slowHooks: 0,
    slowestHookMs: 0,
    hooksFail: 0,
    attempts: 5,
    retryDelayMs: 100,
    onFailure: 'restart',
    maxRecords: 500,
    lingerMs: 0,
    options: { groupId: id, topics: /^t/, assignor },
  }
}

/** Draws a group; some have a custom assignor that throws at times, while `mayThrow` allows it. */
export function drawGroup(random: Random, id: string, mayThrow: () => boolean): GroupPlan {
  const kind = random.pick(['uniform', 'uniform', 'uniform', 'range', 'custom'] as const)
  if (kind !== 'custom') return { id, assignor: kind }
  const throws = random.pick([0, 0.1])
  return { id, assignor: roundRobin(() => mayThrow() && random.chance(throws)) }
}

function roundRobin(throws: () => boolean): Assignor {
  return {
    name: 'round-robin',
    assign({ members, topics }) {
      if (throws()) throw new Error('the assignor failed')
      const result = new Map(
        members.map(({ memberId }) => [memberId, [] as { topic: string; partition: number }[]]),
      )
      let turn = 0
      for (const [topic, partitions] of topics) {
        const readers = members.filter(member => member.topics.includes(topic))
        for (let partition = 0; partition < partitions && readers.length > 0; partition++)
          result.get(readers[turn++ % readers.length]!.memberId)!.push({ topic, partition })
      }
      return result
    },
  }
}
