import type { Timer } from '../clock.ts'
import { isBrokerletError, isRetriable, TimeoutError, UnknownTopicOrPartitionError } from '../errors.ts'
import { describeError } from '../thrown.ts'
import { formatTopicPartition } from '../topic-partition.ts'
import type { Cluster } from './cluster.ts'
import { hasCode } from './cluster-error.ts'
import type { Connections } from './connections.ts'
import { groupBy } from './group-by.ts'
import type { BrokerAddress } from './library-connection.ts'
import type { BatchOptions, ProducedPartition } from './library-messages.ts'
import { PartitionQueue, type ProducerIdentity } from './partition-queue.ts'
import { batchOverheadBytes, type ProducedRecord } from './produced-record.ts'
import { backoffMs } from './retry.ts'

/** Limits of sending records. */
export interface AppendLimits {
  readonly compression: string
  /** The largest size of one batch, in bytes. */
  readonly batchBytes: number
  /** The largest size of one request, in bytes. (Kafka: max.request.size) */
  readonly maxRequestBytes: number
  /** How many requests may be in flight to one broker. (Kafka: max.in.flight.requests.per.connection) */
  readonly maxInFlight: number
  /** How long to try to write a record, in milliseconds. (Kafka: delivery.timeout.ms) */
  readonly deliveryTimeoutMs: number
  readonly requestTimeoutMs: number
}

export interface AppenderHost {
  readonly cluster: Cluster
  readonly connections: Connections
  readonly limits: AppendLimits
  readonly transactionalId?: string
  /**
   * Returns the producer id and epoch to write with: the first one, or one after another under which a batch was given up
   * that may have been written.
   */
  identity(before: ProducerIdentity | undefined): Promise<ProducerIdentity>
}

const duplicateSequenceNumber = 46

// Errors that do not say whether a batch was written.
const unclear: ReadonlySet<string> = new Set(['OUT_OF_ORDER_SEQUENCE_NUMBER', 'UNKNOWN_SERVER_ERROR'])

// A request of this size takes no further batch.
const fullRequestBytes = 8 * 1024 * 1024

/**
 * Writes records in batches. A batch holds the records that were sent within one turn of the event loop, or while the
 * batch before it was in flight. Each batch is written once and in order, however often it has to be sent (KIP-98).
 */
export class Appender {
  readonly #host: AppenderHost
  readonly #queues = new Map<string, PartitionQueue>()
  readonly #inFlight = new Map<number, number>()
  #identity: ProducerIdentity | undefined
  #identifying = false
  #draining = false
  #expiry: Timer | undefined
  #whenIdle: (() => void)[] = []
  #abandoned: { readonly reason: unknown } | undefined

  constructor(host: AppenderHost) {
    this.#host = host
  }

  /** Queues records; each is settled when it is written or refused. */
  append(records: readonly ProducedRecord[]): void {
    if (this.#abandoned !== undefined) return this.#reject(records, this.#abandoned.reason)
    let queue: PartitionQueue | undefined
    for (const record of records) {
      if (queue?.partition !== record.partition || queue.topic !== record.topic) queue = this.#queueOf(record)
      queue.add(record)
    }
    this.#drainSoon()
  }

  #queueOf({ topic, partition }: ProducedRecord): PartitionQueue {
    const id = formatTopicPartition({ topic, partition })
    let queue = this.#queues.get(id)
    if (queue === undefined) {
      queue = new PartitionQueue(topic, partition)
      this.#queues.set(id, queue)
    }
    return queue
  }

  /** Takes back a record that has not been sent; returns whether it could. */
  remove(record: ProducedRecord): boolean {
    return this.#queueOf(record).remove(record)
  }

  /**
   * Stops sending: rejects all records that are not in flight, and resolves when those in flight have been answered.
   */
  async abandon(reason: unknown): Promise<void> {
    this.#abandoned = { reason }
    for (const queue of this.#queues.values()) for (const record of queue.clear()) record.reject(reason)
    this.#expireLater()
    if ([...this.#queues.values()].some(({ inFlight }) => inFlight)) {
      await new Promise<void>(resolve => this.#whenIdle.push(resolve))
    }
  }

  // --- draining -----------------------------------------------------------------------------------------------------

  #drainSoon(): void {
    if (this.#draining) return
    this.#draining = true
    this.#host.cluster.clock.turn().then(() => {
      this.#draining = false
      this.#drain()
    })
  }

  #drain(): void {
    const now = this.#host.cluster.clock.monotonic()
    const ready: PartitionQueue[] = []
    for (const queue of this.#queues.values()) {
      this.#expire(queue, now)
      if (queue.ready) ready.push(queue)
    }
    const unknown = ready.filter(queue => this.#identified(queue) === undefined)
    if (unknown.length > 0) void this.#identify(unknown)
    const known = ready.filter(({ identity }) => identity !== undefined)
    for (const [node, led] of groupBy(known, queue => this.#host.cluster.leader(queue)?.node)) {
      if (node === undefined) this.#waitForLeaders(led)
      else
        for (const [identity, queues] of groupBy(led, queue => queue.identity!))
          this.#send(node, identity, queues)
    }
    this.#expireLater()
  }

  // Waiting records must expire even if nothing else happens: no broker may answer, or one response may be outstanding.
  #expireLater(): void {
    let oldest = Number.POSITIVE_INFINITY
    for (const { waitingSince } of this.#queues.values()) oldest = Math.min(oldest, waitingSince)
    // Without waiting records there is no timer: it would keep this appender in memory long after its
    // producer or connection has ended.
    if (oldest === Number.POSITIVE_INFINITY) return this.#expireNever()
    if (this.#expiry !== undefined) return
    const { cluster, limits } = this.#host
    const now = cluster.clock.monotonic()
    const look = () => {
      this.#expiry = undefined
      this.#drain()
    }
    const delayMs = Math.max(1, Math.ceil(oldest + limits.deliveryTimeoutMs - now))
    this.#expiry = cluster.clock.setTimer(look, delayMs, { name: 'giving up records' })
  }

  #expireNever(): void {
    this.#expiry?.cancel()
    this.#expiry = undefined
  }

  #identified(queue: PartitionQueue): ProducerIdentity | undefined {
    // Where others have become another producer meanwhile, one is enough for all of them.
    if (queue.identity === undefined && queue.doubted !== this.#identity) queue.writeAs(this.#identity)
    return queue.identity
  }

  async #identify(queues: readonly PartitionQueue[]): Promise<void> {
    if (this.#identifying) return
    this.#identifying = true
    try {
      this.#identity = await this.#host.identity(this.#identity)
    } catch (error) {
      for (const queue of queues) this.#reject(queue.clear(), error)
    }
    this.#identifying = false
    this.#drainSoon()
  }

  #send(node: number, identity: ProducerIdentity, queues: readonly PartitionQueue[]): void {
    const { limits, cluster } = this.#host
    const { broker } = cluster.leader(queues[0]!)!
    let left = queues
    while (left.length > 0 && (this.#inFlight.get(node) ?? 0) < limits.maxInFlight) {
      let bytes = 0
      let count = 0
      const batches: (readonly ProducedRecord[])[] = []
      for (; count < left.length && bytes < fullRequestBytes; count++) {
        const queue = left[count]!
        const room = limits.maxRequestBytes - bytes - batchOverheadBytes
        if (count > 0 && queue.leastBytes > room) break
        batches.push(queue.take(Math.min(limits.batchBytes, room)))
        bytes += queue.takenBytes + batchOverheadBytes
      }
      void this.#request(
        node,
        broker,
        identity,
        left.slice(0, count),
        batches.length === 1 ? batches[0]! : batches.flat(),
      )
      left = left.slice(count)
    }
  }

  async #request(
    node: number,
    broker: BrokerAddress,
    identity: ProducerIdentity,
    queues: readonly PartitionQueue[],
    records: readonly ProducedRecord[],
  ): Promise<void> {
    const { cluster, connections, limits, transactionalId } = this.#host
    this.#inFlight.set(node, (this.#inFlight.get(node) ?? 0) + 1)
    const sequences = new Map(queues.map(queue => [`${queue.topic}:${queue.partition}`, queue.sequence]))
    const options: BatchOptions = {
      ...identity,
      ...(transactionalId === undefined ? {} : { transactionalId }),
      compression: limits.compression,
      sequences: { getWithDefault: partition => sequences.get(partition)! },
    }
    try {
      const { responses } = await connections.call(broker, cluster.library.produceV9, [
        -1,
        limits.requestTimeoutMs,
        records,
        options,
      ])
      const answers = new Map<string, ProducedPartition>()
      for (const { name: topic, partitionResponses } of responses) {
        for (const answer of partitionResponses) {
          answers.set(formatTopicPartition({ topic, partition: answer.index }), answer)
        }
      }
      for (const queue of queues) this.#answered(queue, answers.get(formatTopicPartition(queue)))
    } catch (error) {
      for (const queue of queues) this.#failed(queue, error)
    }
    this.#inFlight.set(node, this.#inFlight.get(node)! - 1)
    this.#drainSoon()
    this.#tellIdle()
  }

  #tellIdle(): void {
    if ([...this.#queues.values()].some(({ inFlight }) => inFlight)) return
    const waiting = this.#whenIdle
    this.#whenIdle = []
    for (const resolve of waiting) resolve()
  }

  // --- answers ------------------------------------------------------------------------------------------------------

  #answered(queue: PartitionQueue, answer: ProducedPartition | undefined): void {
    const { cluster } = this.#host
    const errno = answer?.errorCode ?? -1
    // A duplicate: the batch was written before, and its response lost. Then its offset may not be known any more: -1.
    if (answer !== undefined && (errno === 0 || errno === duplicateSequenceNumber)) {
      const appendTime = Number(answer.logAppendTimeMs)
      const base = Number(answer.baseOffset)
      queue.done().forEach((record, i) => {
        record.isWritten(base < 0 ? base : base + i, appendTime)
      })
      return
    }
    const { topic, partition } = queue
    const what = `Writing to ${formatTopicPartition(queue)}`
    const error = cluster.error(errno, what, { topic, partition }, answer?.errorMessage)
    if (error.code === 'MESSAGE_TOO_LARGE' && queue.split()) {
      // Its parts would come after the end of their transaction.
      if (this.#abandoned !== undefined) this.#reject(queue.clear(), this.#abandoned.reason)
      return
    }
    this.#failed(queue, error)
  }

  #failed(queue: PartitionQueue, error: unknown): void {
    if (isRetriable(error)) {
      if (this.#abandoned !== undefined) return this.#reject(queue.giveUp(), this.#abandoned.reason)
      if (queue.putBack(error)) return this.#postpone([queue])
      // It may have been written.
      queue.doubt()
    }
    if (this.#hasGap(error) && queue.putBack(error)) {
      queue.doubt()
      return this.#postpone([queue])
    }
    // A batch that is refused when it comes first is not written, and its sequence numbers are free; in any other case that
    // is not known. The next batch under the same numbers would count as a repetition of one that was written after all.
    const refused = isBrokerletError(error) && !unclear.has(error.code) && !queue.repeated
    if (!refused) queue.doubt()
    this.#reject(queue.giveUp(), error)
  }

  // The log has lost the batches before this one, with a former leader, and does not have this one either: it would know it
  // for a repetition. The numbers begin anew under a later epoch. (As Java's producer, KIP-360)
  #hasGap(error: unknown): boolean {
    const { transactionalId } = this.#host
    return (
      hasCode(error, 'OUT_OF_ORDER_SEQUENCE_NUMBER') &&
      transactionalId === undefined &&
      this.#abandoned === undefined
    )
  }

  #reject(records: readonly ProducedRecord[], error: unknown): void {
    for (const record of records) record.reject(error)
  }

  #expire(queue: PartitionQueue, now: number): void {
    const since = now - this.#host.limits.deliveryTimeoutMs
    const { topic, partition, failure, inFlight } = queue
    const late = [...(queue.batchSince <= since ? this.#giveUp(queue) : []), ...queue.takeExpired(since)]
    if (late.length === 0) return
    const unanswered = inFlight ? ': not answered yet' : ''
    const why = failure === undefined ? unanswered : `: ${describeError(failure)}`
    const error = new TimeoutError(
      `Writing to ${formatTopicPartition(queue)}: gave up after ${this.#host.limits.deliveryTimeoutMs} ms${why}`,
      { topic, partition, ...(failure === undefined ? {} : { cause: failure }) },
    )
    this.#reject(late, error)
  }

  // A batch on its way may still be written, and one that was sent before may have been.
  #giveUp(queue: PartitionQueue): readonly ProducedRecord[] {
    if (queue.inFlight) return queue.letGo()
    queue.doubt()
    return queue.giveUp()
  }

  #waitForLeaders(queues: readonly PartitionQueue[]): void {
    for (const queue of queues) {
      queue.failure = this.#host.cluster.noLeader(queue)
      queue.failures++
    }
    this.#postpone(queues)
  }

  // Sends the batches again later, to the leaders that the partitions have then.
  #postpone(queues: readonly PartitionQueue[]): void {
    const { cluster } = this.#host
    const { clock, random } = cluster
    const delayMs = backoffMs(Math.max(...queues.map(({ failures }) => failures)), random)
    for (const queue of queues) queue.postponed = true
    const go = () => {
      for (const queue of queues) queue.postponed = false
      this.#drainSoon()
    }
    const look = () => {
      const looked = cluster.refresh().then(() => {
        for (const queue of queues) this.#requirePartition(queue)
      })
      // Where no broker answers, the records expire.
      looked.then(go, go)
    }
    // Held: without a connection, nothing else keeps the process alive.
    clock.setTimer(look, delayMs, { hold: true, name: 'sending again' })
  }

  #requirePartition(queue: PartitionQueue): void {
    const { topic, partition } = queue
    const { cluster } = this.#host
    if (cluster.knownTopic(topic, partition) !== undefined) return
    const isKnown = cluster.knownTopic(topic) !== undefined
    const gone = isKnown ? `${topic}-${partition} is gone` : `Topic '${topic}' is gone`
    const left = [...this.#giveUp(queue), ...queue.clear()]
    this.#reject(left, new UnknownTopicOrPartitionError(gone, { topic, partition }))
  }
}
