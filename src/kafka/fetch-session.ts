import type { FetchPosition, FetchSession } from '../engine.ts'
import { errnos } from '../error-codes.ts'
import { type BrokerletError, ClosedError, isRetriable } from '../errors.ts'
import { Queue } from '../queue.ts'
import type { IsolationLevel } from '../record.ts'
import { formatTopicPartition } from '../topic-partition.ts'
import type { Cluster } from './cluster.ts'
import type { Connections } from './connections.ts'
import { toRecords } from './fetched-records.ts'
import { byTopic, groupBy } from './group-by.ts'
import { type LeaderEpochEnd, leaderEpochEnds } from './leader-epoch-ends.ts'
import type { BrokerAddress } from './library-connection.ts'
import type { FetchedPartition } from './library-messages.ts'
import type { OffsetLookup } from './offset-lookup.ts'
import { Outages } from './outages.ts'
import { ClusterPartitionFetch, type PartitionFetchHost } from './partition-fetch.ts'
import { backoffMs } from './retry.ts'

/** How much one fetch request asks for. */
export interface FetchLimits {
  /** How long a broker waits for records when there are none to fetch, in milliseconds. (Kafka: fetch.max.wait.ms) */
  readonly fetchMaxWaitMs: number
  /** The largest size of one partition in one response, in bytes. (Kafka: max.partition.fetch.bytes) */
  readonly maxPartitionFetchBytes: number
  /** The largest size of one response, in bytes. (Kafka: fetch.max.bytes) */
  readonly fetchMaxBytes: number
}

export interface FetchSessionHost {
  readonly cluster: Cluster
  readonly lookup: OffsetLookup
  readonly limits: FetchLimits
  readonly isolationLevel: IsolationLevel
  /** Connections of the session's own: a fetch that waits for records delays every later request on its connection. */
  readonly connections: Connections
  /** Fetched records change how much is left to read. */
  touch(): void
  /** Tells of what could not be read for long, and is tried again. */
  failing(error: BrokerletError): void
}

const outOfRange = errnos.OFFSET_OUT_OF_RANGE
const unknownServerError = errnos.UNKNOWN_SERVER_ERROR

type LeaderEpochEnds = ReturnType<typeof leaderEpochEnds>

/** How a fetch went: with `stale`, leaders have to be looked up again. `refused` says why trying again is of no use. */
interface Outcome {
  readonly stale: boolean
  readonly refused?: { readonly error: unknown } | undefined
}

/**
 * Reads partitions of a cluster, with one request at a time to each leader, for the partitions that need records then.
 */
export class ClusterFetchSession<Position extends FetchPosition>
  implements FetchSession<Position>, PartitionFetchHost<Position>
{
  readonly #host: FetchSessionHost
  readonly #wake: () => void
  readonly #fetches = new Set<ClusterPartitionFetch<Position>>()
  readonly #ready = new Queue<ClusterPartitionFetch<Position>>()
  // The leaders with a fetch under way, by node id; -1 while leaders are being looked up.
  readonly #asked = new Set<number>()
  // How often a leader was asked in vain since it last answered, by node id.
  readonly #unanswered = new Map<number, number>()
  // The leaders that refused a fetch, each with the error: the next poll throws it.
  readonly #refused = new Map<number, unknown>()
  readonly #outages: Outages<ClusterPartitionFetch<Position>>
  // Undefined where the cluster does not tell where epochs end: then nothing is compared.
  readonly #epochEnds: LeaderEpochEnds | undefined
  #asleep = false
  #looking = false
  #closed = false

  constructor(host: FetchSessionHost, wake: () => void) {
    this.#host = host
    this.#wake = wake
    const { clock, apiTimeoutMs, library } = host.cluster
    const epochEnds = leaderEpochEnds(library)
    this.#epochEnds = host.cluster.speaks(epochEnds) ? epochEnds : undefined
    this.#outages = new Outages(clock, apiTimeoutMs, error => host.failing(error))
  }

  get #committed(): boolean {
    return this.#host.isolationLevel === 'read_committed'
  }

  /** Resolves once the end of the log is known. */
  async start(position: Position): Promise<ClusterPartitionFetch<Position>> {
    const { id, serde } = await this.#host.cluster.topic(position.topic)
    const fetch = new ClusterPartitionFetch(this, id, serde, position)
    await this.refresh(fetch)
    this.#fetches.add(fetch)
    this.wants()
    return fetch
  }

  poll(): Position | undefined {
    for (const [node, error] of this.#refused) {
      this.#refused.delete(node)
      // Whoever polls may go on.
      this.#again(node, 1)
      throw error
    }
    for (let fetch = this.#ready.shift(); fetch !== undefined; fetch = this.#ready.shift()) {
      if (fetch.take()) return fetch.position
    }
    this.#asleep = true
    return undefined
  }

  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#asleep = false
    void this.#host.connections.close()
  }

  // --- its partitions -----------------------------------------------------------------------------------------------

  ready(fetch: ClusterPartitionFetch<Position>): void {
    this.#ready.push(fetch)
    this.#rouse()
  }

  #rouse(): void {
    if (!this.#asleep) return
    this.#asleep = false
    this.#wake()
  }

  /** Fetches in the next turn, when all partitions that need records in this turn have said so. */
  wants(): void {
    if (this.#looking || this.#closed) return
    this.#looking = true
    this.#host.cluster.clock.turn().then(() => this.#ask())
  }

  stopped(fetch: ClusterPartitionFetch<Position>): void {
    this.#fetches.delete(fetch)
    this.#outages.over(fetch)
  }

  async refresh(fetch: ClusterPartitionFetch<Position>): Promise<void> {
    const { lookup, isolationLevel } = this.#host
    const { topic, partition } = fetch.position
    const tp = { topic, partition }
    const [start, end, high] = await Promise.all([
      lookup.offsetFor(tp, 'beginning', isolationLevel),
      lookup.offsetFor(tp, 'end', isolationLevel),
      lookup.offsetFor(tp, 'end', 'read_uncommitted'),
    ])
    fetch.logStartOffset = Math.max(fetch.logStartOffset, start)
    fetch.endOffset = Math.max(fetch.endOffset, end)
    fetch.highWatermark = Math.max(fetch.highWatermark, high)
  }

  isOfAnother({ topicId, position }: ClusterPartitionFetch<Position>): boolean {
    const known = this.#host.cluster.knownTopic(position.topic)
    return known !== undefined && known.id !== topicId
  }

  // --- fetching -----------------------------------------------------------------------------------------------------

  #ask(): void {
    this.#looking = false
    if (this.#closed) return
    const wanting: ClusterPartitionFetch<Position>[] = []
    for (const fetch of this.#fetches) {
      if (fetch.wanted !== undefined) wanting.push(fetch)
      else if (fetch.asking === undefined) this.#outages.over(fetch)
    }
    const byLeader = groupBy(wanting, fetch => this.#leader(fetch))
    for (const [node, fetches] of byLeader) {
      if (node === undefined) this.#findLeaders(fetches)
      else if (!this.#asked.has(node)) void this.#request(node, fetches)
    }
  }

  // A deleted topic has no leader, and its reader must not read a new topic of the same name.
  #leader({ topicId, position }: ClusterPartitionFetch<Position>): number | undefined {
    const { cluster } = this.#host
    return cluster.knownTopic(position.topic)?.id === topicId ? cluster.leadership(position)?.node : undefined
  }

  #findLeaders(fetches: readonly ClusterPartitionFetch<Position>[]): void {
    const { cluster } = this.#host
    for (const fetch of fetches) this.#outages.failed(fetch, cluster.noLeader(fetch.position))
    if (this.#asked.has(-1)) return
    this.#asked.add(-1)
    this.#again(-1, 3)
  }

  async #request(node: number, wanting: readonly ClusterPartitionFetch<Position>[]): Promise<void> {
    this.#asked.add(node)
    const { stale, refused } = await this.#outcomeOf(node, wanting, this.#read(node, wanting))
    if (this.#closed) return
    if (refused !== undefined) {
      this.#refused.set(node, refused.error)
      this.#rouse()
    } else if (stale) this.#again(node, this.#unanswered.get(node) ?? 1)
    else {
      this.#asked.delete(node)
      this.wants()
    }
  }

  // Compares first: what lies behind the end of a log would be out of range, and another record once it has grown.
  async #read(node: number, wanting: readonly ClusterPartitionFetch<Position>[]): Promise<Outcome> {
    const { broker } = this.#host.cluster.leader(wanting[0]!.position)!
    const toCompare = wanting.filter(fetch => this.#isToCompare(fetch))
    const outcomes: Outcome[] = []
    if (toCompare.length > 0) {
      outcomes.push(await this.#asking(toCompare, () => this.#compare(broker, toCompare)))
    }
    // One that could not be compared does not keep the others from being read.
    const toFetch = wanting.filter(
      fetch => fetch.wanted !== undefined && this.#leader(fetch) === node && !this.#isToCompare(fetch),
    )
    if (toFetch.length > 0 && !this.#closed) {
      outcomes.push(await this.#asking(toFetch, () => this.#fetchFrom(broker, toFetch)))
    }
    return together(outcomes)
  }

  #epochOf({ position }: ClusterPartitionFetch<Position>): number {
    const { cluster } = this.#host
    const leadership = cluster.leadership(position)
    if (leadership === undefined) throw cluster.noLeader(position)
    return leadership.epoch
  }

  #isToCompare(fetch: ClusterPartitionFetch<Position>): boolean {
    return this.#epochEnds !== undefined && fetch.epochToCompare(this.#epochOf(fetch)) !== undefined
  }

  async #asking(
    fetches: readonly ClusterPartitionFetch<Position>[],
    ask: () => Promise<Outcome>,
  ): Promise<Outcome> {
    for (const fetch of fetches) {
      fetch.asking = fetch.wanted
      fetch.askingUnder = this.#epochOf(fetch)
    }
    try {
      return await ask()
    } finally {
      for (const fetch of fetches) fetch.asking = undefined
    }
  }

  // Only a leader that does not answer at all is left alone for longer and longer: one partition that it cannot serve
  // must not slow down the others.
  async #outcomeOf(
    node: number,
    fetches: readonly ClusterPartitionFetch<Position>[],
    asked: Promise<Outcome>,
  ): Promise<Outcome> {
    try {
      const outcome = await asked
      this.#unanswered.delete(node)
      return outcome
    } catch (error) {
      this.#unanswered.set(node, (this.#unanswered.get(node) ?? 0) + 1)
      for (const fetch of fetches) this.#outages.failed(fetch, error)
      return thrown(error)
    }
  }

  // Fetches again after a while, with new metadata. Held: without a connection, nothing else keeps the process alive.
  #again(node: number, attempt: number): void {
    const { clock, random } = this.#host.cluster
    const looked = (refreshed: boolean) => {
      if (this.#closed) return
      this.#lookForOutages()
      if (!refreshed) return this.#again(node, attempt + 1)
      this.#asked.delete(node)
      this.wants()
    }
    const look = () => {
      if (this.#closed) return
      this.#host.cluster.refresh().then(
        () => looked(true),
        () => looked(false),
      )
    }
    clock.setTimer(look, backoffMs(attempt, random), { hold: true, name: 'fetching' })
  }

  // A partition may have been paused, or its reading may have ended, while it was asked for in vain.
  #lookForOutages(): void {
    this.#outages.look(
      fetch => this.#fetches.has(fetch) && (fetch.wanted !== undefined || fetch.asking !== undefined),
    )
  }

  async #fetchFrom(
    broker: BrokerAddress,
    fetches: readonly ClusterPartitionFetch<Position>[],
  ): Promise<Outcome> {
    const { cluster, connections, limits } = this.#host
    const byId = new Map<string, Map<number, ClusterPartitionFetch<Position>>>()
    for (const fetch of fetches) {
      const partitions = byId.get(fetch.topicId) ?? new Map()
      byId.set(fetch.topicId, partitions.set(fetch.position.partition, fetch))
    }
    const topics = Array.from(byId, ([topicId, partitions]) => ({
      topicId,
      partitions: Array.from(partitions, ([partition, { asking, askingUnder }]) => ({
        partition,
        // A former leader that does not know of the present one refuses it: its log may end earlier.
        currentLeaderEpoch: askingUnder,
        fetchOffset: BigInt(asking!),
        lastFetchedEpoch: -1,
        partitionMaxBytes: limits.maxPartitionFetchBytes,
      })),
    }))
    const isolationLevel = this.#committed ? 1 : 0
    // Without a fetch session (KIP-227): each request lists all of its partitions.
    const request = [
      limits.fetchMaxWaitMs,
      1,
      limits.fetchMaxBytes,
      isolationLevel,
      0,
      -1,
      topics,
      [],
      '',
    ] as const
    const answer = await connections.call(broker, cluster.library.fetchV13, request)
    const outcomes = [this.#outcome(answer.errorCode, `Fetching from ${broker.host}:${broker.port}`, fetches)]
    for (const { topicId, partitions } of answer.responses) {
      for (const fetched of partitions) {
        const fetch = byId.get(topicId)?.get(fetched.partitionIndex)
        if (fetch === undefined || this.#take(fetch, fetched)) continue
        const what = `Fetching ${formatTopicPartition(fetch.position)}`
        outcomes.push(this.#outcome(fetched.errorCode, what, [fetch]))
      }
    }
    this.#host.touch()
    return together(outcomes)
  }

  #outcome(errno: number, what: string, fetches: readonly ClusterPartitionFetch<Position>[]): Outcome {
    if (errno === 0) return { stale: false }
    const error = this.#host.cluster.error(errno, what)
    for (const fetch of fetches) this.#outages.failed(fetch, error)
    // Kafka's own clients go on after this one, too.
    return errno === unknownServerError ? { stale: true } : thrown(error)
  }

  #take(fetch: ClusterPartitionFetch<Position>, fetched: FetchedPartition): boolean {
    const from = fetch.asking!
    const isOutside = fetched.errorCode === outOfRange
    if (fetched.errorCode !== 0 && !isOutside) return false
    this.#outages.over(fetch)
    if (isOutside) {
      fetch.isOutOfRange(from)
      return true
    }
    fetch.highWatermark = Number(fetched.highWatermark)
    fetch.endOffset = this.#committed ? Number(fetched.lastStableOffset) : fetch.highWatermark
    fetch.logStartOffset = Number(fetched.logStartOffset)
    const { topic, partition } = fetch.position
    const source = { topic, partition, keys: fetch.serde.keys }
    fetch.asking = undefined
    fetch.received(from, toRecords(source, fetched, from, this.#committed))
    return true
  }

  // --- comparing ----------------------------------------------------------------------------------------------------

  // Asks a leader of a later epoch whether its log has the records that were read last.
  async #compare(
    broker: BrokerAddress,
    fetches: readonly ClusterPartitionFetch<Position>[],
  ): Promise<Outcome> {
    const { connections } = this.#host
    const topics = byTopic(
      fetches.map(fetch => ({ topic: fetch.position.topic, fetch })),
      ({ fetch }) => ({
        partition: fetch.position.partition,
        currentLeaderEpoch: fetch.askingUnder,
        leaderEpoch: fetch.epochToCompare(fetch.askingUnder)!,
      }),
    )
    const answer = await connections.call(broker, this.#epochEnds!, [topics])
    const byName = new Map(fetches.map(fetch => [formatTopicPartition(fetch.position), fetch]))
    const outcomes = answer.topics.flatMap(({ name: topic, partitions }) =>
      partitions.map(end => {
        const fetch = byName.get(formatTopicPartition({ topic, partition: end.partition }))
        return fetch === undefined ? { stale: false } : this.#compared(fetch, end)
      }),
    )
    return together(outcomes)
  }

  #compared(fetch: ClusterPartitionFetch<Position>, end: LeaderEpochEnd): Outcome {
    const { errorCode, leaderEpoch, endOffset } = end
    if (errorCode !== 0) {
      return this.#outcome(errorCode, `Comparing ${formatTopicPartition(fetch.position)}`, [fetch])
    }
    this.#outages.over(fetch)
    if (leaderEpoch < 0 || endOffset < 0n) fetch.notComparable()
    else fetch.compared(leaderEpoch, Number(endOffset))
    return { stale: false }
  }
}

function together(outcomes: readonly Outcome[]): Outcome {
  return {
    stale: outcomes.some(({ stale }) => stale),
    refused: outcomes.find(({ refused }) => refused !== undefined)?.refused,
  }
}

// Where no broker can be reached, a fetch is tried again until the consumer is closed.
function thrown(error: unknown): Outcome {
  const passes = error instanceof ClosedError || isRetriable(error)
  return passes ? { stale: true } : { stale: true, refused: { error } }
}
