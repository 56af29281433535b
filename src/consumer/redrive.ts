import { closeTimeoutMs } from '../close-time.ts'
import { Deadline } from '../deadline.ts'
import { Deferred } from '../deferred.ts'
import type {
  AssignmentUpdate,
  ClientCloseOptions,
  Engine,
  EngineClient,
  EngineTopic,
  FetchPosition,
  Membership,
  MembershipListener,
  PartitionFetch,
  ProducerRecord,
  Unread,
} from '../engine.ts'
import {
  ClosedError,
  InvalidRecordError,
  RecordListTooLargeError,
  UnknownTopicOrPartitionError,
} from '../errors.ts'
import { isPromise, type MaybePromise } from '../maybe-promise.ts'
import { PlacedRecord } from '../placed-record.ts'
import { type ConsumerRecord, toRecordHeaders } from '../record.ts'
import { TaskQueue } from '../task-queue.ts'
import { formatOffset, type TopicPartition } from '../topic-partition.ts'
import { callback, checkOptions, integer, name } from '../validate.ts'
import { originOf, ownHeaders } from './dead-letter-headers.ts'
import { letterWait, partitionOf } from './dead-letters.ts'
import { Wakeup } from './wakeup.ts'

/** Which dead letters are sent back, and where to. */
export interface RedriveOptions<Name extends string = string> {
  /** The dead-letter topic. */
  readonly from: Name
  /** The topic to send them to; default the topic that each came from. */
  readonly to?: Name | undefined
  /** Which dead letters are sent back; the others stay, moved to the end of the topic. Default all. */
  readonly filter?: ((letter: ConsumerRecord) => boolean | Promise<boolean>) | undefined
  /** The most dead letters that are sent back; default all that were there when it began. */
  readonly maxRecords?: number | undefined
}

const mostAtOnce = 500

/** A partition of the dead-letter topic, read up to where it ended when the redrive began. */
interface Reading extends FetchPosition {
  readonly end: number
  fetch: PartitionFetch
}

/** What becomes of a dead letter: where it goes, or the end of its topic. */
interface Move {
  readonly offset: number
  readonly record: ProducerRecord
  readonly goes: boolean
}

/**
 * Sends dead letters back to where they came from, in their order, without the headers that made them dead letters;
 * resolves to their number. Commits its progress as the group `<topic>.redrive`, whose lag is how many dead letters are
 * left.
 */
export async function redrive(engine: Engine, options: RedriveOptions): Promise<number> {
  checkOptions<RedriveOptions>(
    'redrive',
    options,
    { from: name, to: name, filter: callback, maxRecords: integer(1) },
    { topic: 'from', deadLetter: 'from' },
  )
  return inTurn(engine, options.from, async () => {
    engine.requireOpen()
    const topic = await engine.topic(options.from)
    if (options.to !== undefined) await engine.topic(options.to)
    const mover = new Redrive(engine, topic, options)
    engine.track(mover)
    try {
      return await mover.run()
    } finally {
      await mover.end()
      engine.untrack(mover)
    }
  })
}

const queues = new WeakMap<Engine, Map<string, TaskQueue>>()

// Redrives of one topic run one after the other: two at once would both move what neither has committed.
async function inTurn(engine: Engine, topic: string, task: () => Promise<number>): Promise<number> {
  const byTopic = queues.get(engine) ?? new Map<string, TaskQueue>()
  const queue = byTopic.get(topic) ?? new TaskQueue()
  queues.set(engine, byTopic.set(topic, queue))
  try {
    return await queue.add(task)
  } finally {
    if (queue.size === 0) byTopic.delete(topic)
  }
}

// A redrive counts as a client, so that its engine ends it: the room that it waits for may never come once consumers
// close.
class Redrive implements MembershipListener, EngineClient {
  readonly autoCommit: boolean = false
  readonly autoOffsetReset = 'earliest'
  readonly isolationLevel = 'read_committed'
  readonly #engine: Engine
  readonly #topic: EngineTopic
  readonly #options: RedriveOptions
  readonly #wakeup = new Wakeup()
  readonly #epochs = new Map<number, number>()
  #membership: Membership | undefined
  #readings: Reading[] = []
  readonly #ended = new Deferred()
  #moved = 0
  #deleted = false
  #closed = false

  constructor(engine: Engine, topic: EngineTopic, options: RedriveOptions) {
    this.#engine = engine
    this.#topic = topic
    this.#options = options
  }

  assignmentChanged({ assigned, lost }: AssignmentUpdate): void {
    if (lost.length > 0) this.#deleted = true
    this.#wakeup.wake()
    for (const { partition, assignmentEpoch } of assigned) this.#epochs.set(partition, assignmentEpoch)
  }

  // Nothing to do: the next commit is refused, and says why.
  fenced(): void {}

  position(): undefined {
    return undefined
  }

  pending(): string[] {
    return []
  }

  /** Lets the dead letters in hand be moved and committed, within `timeoutMs`. */
  async close({ timeoutMs = closeTimeoutMs, hold = true }: ClientCloseOptions): Promise<readonly Unread[]> {
    this.#closed = true
    this.#wakeup.wake()
    const deadline = new Deadline(this.#engine.clock, timeoutMs, `redrive of '${this.#topic.name}'`, { hold })
    await Promise.race([this.#ended.promise, deadline.passed])
    deadline.cancel()
    return []
  }

  async run(): Promise<number> {
    const { name: topic, partitionCount } = this.#topic
    const partitions = Array.from({ length: partitionCount }, (_, partition) => ({ topic, partition }))
    this.#membership = await this.#engine.join(
      {
        groupId: `${topic}.redrive`,
        clientId: 'redrive',
        groupInstanceId: undefined,
        interest: { kind: 'assign', partitions },
        assignor: undefined,
        rebalanceTimeoutMs: 300_000,
        sessionTimeoutMs: 45_000,
        rejoins: false,
      },
      this,
    )
    const session = this.#engine.fetch<Reading>(this.#wakeup.wake, this.isolationLevel)
    try {
      for (const tp of partitions) await this.#open(tp, reading => session.start(reading))
      while (this.#goesOn) {
        this.#requireTopic()
        const reading = session.poll()
        if (reading === undefined) await this.#wakeup.wait()
        else await this.#moveSome(reading)
      }
    } finally {
      session.close()
    }
    return this.#moved
  }

  #requireTopic(): void {
    this.#engine.requireOpen()
    const { name: topic } = this.#topic
    if (this.#closed) throw new ClosedError(`redrive: the ${this.#engine.name} was closed`, { topic })
    if (!this.#deleted) return
    throw new UnknownTopicOrPartitionError(`redrive: topic '${topic}' was deleted`, { topic })
  }

  get #goesOn(): boolean {
    if (this.#moved >= (this.#options.maxRecords ?? Number.POSITIVE_INFINITY)) return false
    return this.#readings.some(({ fetchPosition, end }) => fetchPosition < end)
  }

  async #open(tp: TopicPartition, start: (reading: Reading) => MaybePromise<PartitionFetch>): Promise<void> {
    const committed = await this.#membership!.committed(tp)
    const first = await this.#engine.offsetFor(tp, 'beginning', this.isolationLevel)
    const end = await this.#engine.offsetFor(tp, 'end', this.isolationLevel)
    const fetchPosition = Math.max(committed?.offset ?? 0, first)
    if (fetchPosition >= end) return
    this.#requireTopic()
    // That of the last letter which was moved before: a log that has lost it is read anew from where it lost it. (KIP-320)
    const leaderEpoch = fetchPosition === committed?.offset ? committed.leaderEpoch : undefined
    const reading = { ...tp, fetchPosition, leaderEpoch, end, paused: false } as Reading
    const fetch = start(reading)
    reading.fetch = isPromise(fetch) ? await fetch : fetch
    this.#readings.push(reading)
  }

  async #moveSome(reading: Reading): Promise<void> {
    const { fetch, end } = reading
    if (fetch.outOfRange) {
      const { truncatedTo } = fetch
      reading.fetchPosition =
        truncatedTo ?? (await this.#engine.offsetFor(reading, 'beginning', this.isolationLevel))
    } else {
      const left = (this.#options.maxRecords ?? Number.POSITIVE_INFINITY) - this.#moved
      const read = fetch.readBatch(Math.min(mostAtOnce, left))
      const letters = read.filter(({ offset }) => offset < end)
      const next = Math.min(reading.fetchPosition, end)
      await this.#write(reading, await this.#toMoves(letters), next)
      const turn = this.#engine.clock.exhausted(letters.length)
      if (turn !== undefined) await turn
    }
    if (reading.fetchPosition < end) fetch.next()
    else fetch.stop()
  }

  async #toMoves(letters: readonly ConsumerRecord[]): Promise<Move[]> {
    const { filter } = this.#options
    const moves: Move[] = []
    for (const letter of letters) {
      const goes = filter === undefined || (await filter(await this.#decoded(letter)))
      const record = goes ? await this.#toOrigin(letter) : this.#toEnd(letter)
      moves.push({ offset: letter.offset, record, goes })
    }
    return moves
  }

  // Where so many can never be written at once, each half is written and committed by itself.
  async #write(reading: Reading, moves: readonly Move[], next: number): Promise<void> {
    const records = moves.map(({ record }) => record)
    try {
      if (records.length > 0) await this.#engine.appendBatch(records, letterWait)
    } catch (error) {
      if (!(error instanceof RecordListTooLargeError) || moves.length === 1) throw error
      const half = moves.length >> 1
      await this.#write(reading, moves.slice(0, half), moves[half]!.offset)
      return this.#write(reading, moves.slice(half), next)
    }
    this.#moved += moves.filter(({ goes }) => goes).length
    const { topic, partition, fetch } = reading
    const assignmentEpoch = this.#epochs.get(partition) ?? -1
    const leaderEpoch = fetch.epochBefore?.(next)
    const offset = { topic, partition, offset: next, assignmentEpoch }
    await this.#membership!.commit([leaderEpoch === undefined ? offset : { ...offset, leaderEpoch }])
  }

  // The filter gets a value that cannot be decoded as its bytes.
  async #decoded(letter: ConsumerRecord): Promise<ConsumerRecord> {
    const { serde } = this.#topic
    if (!serde.encodes) return letter
    try {
      return { ...letter, value: await serde.deserialize(letter.value, letter) }
    } catch {
      return letter
    }
  }

  async #toOrigin(letter: ConsumerRecord): Promise<ProducerRecord> {
    const { to } = this.#options
    const origin = originOf(letter)
    const target = to ?? origin?.topic
    if (target === undefined) {
      throw new InvalidRecordError(
        `redrive: ${formatOffset(letter)} has no dead-letter headers, so its topic is unknown; give 'to'`,
        { topic: letter.topic, partition: letter.partition, offset: letter.offset },
      )
    }
    const topic = await this.#engine.topic(target)
    const { key } = letter
    const partition = origin?.partition ?? letter.partition
    return new PlacedRecord(
      topic,
      partitionOf({ ...letter, partition }, topic.partitionCount),
      key,
      await this.#valueFor(topic, letter),
      toRecordHeaders(target, ownHeaders(letter)),
      undefined,
    )
  }

  // The value as the log that it came from kept it: bytes stay bytes.
  async #valueFor({ serde }: EngineTopic, letter: ConsumerRecord): Promise<unknown> {
    const { value } = letter
    if (value === null || serde.encodes === this.#topic.serde.encodes) return value
    if (serde.encodes) return value instanceof Uint8Array ? value : serde.serialize(value)
    return this.#topic.serde.deserialize(value, letter)
  }

  #toEnd({ partition, key, value, headers }: ConsumerRecord): ProducerRecord {
    return new PlacedRecord(this.#topic, partition, key, value, headers, undefined)
  }

  async end(): Promise<void> {
    for (const { fetch } of this.#readings) fetch.stop()
    await this.#membership?.leave(false)
    this.#ended.resolve()
  }
}
