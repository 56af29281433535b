import { sending } from '../diagnostics.ts'
import type { Engine, EngineClient, EngineTopic, ProducerRecord } from '../engine.ts'
import { ClosedError, describeValue, InvalidArgumentError } from '../errors.ts'
import { isPromise, type MaybePromise } from '../maybe-promise.ts'
import type { RecordMetadata } from '../record.ts'
import { TaskQueue } from '../task-queue.ts'
import type { Message, TopicMap } from '../topic-definition.ts'
import { callback, checkOptions, name } from '../validate.ts'
import type { Partitioner, StickyRoundRobin } from './partitioner.ts'
import { emptyRecord, type SpareRecord, toProducerRecord, type UncheckedMessage } from './producer-record.ts'
import { toTraced, withHeaders } from './traced-message.ts'

/** How a producer sends. */
export interface ProducerOptions {
  /** Chooses a partition where the message names none; default Kafka's: murmur2 of the key, else sticky round robin. */
  partitioner?: Partitioner
  /** What it calls itself in errors; default `producer`. */
  clientId?: string
}

// Records of a batch up to this size are used again for the next one: what a send leaves behind is the collector's work.
const mostSpare = 1000
const closeTimeoutMs = 30_000

/**
 * Writes records.
 *
 * @example
 * await broker.producer().send({ topic: 'orders', key: order.id, value: order })
 */
export class Producer<out Topics extends TopicMap> {
  readonly #engine: Engine
  readonly #sticky: StickyRoundRobin
  readonly #partitioner: Partitioner | undefined
  readonly #clientId: string
  // Made when a schema, or the engine, first answers with a promise: later sends then wait their turn.
  #queue: TaskQueue | undefined
  #client: EngineClient | undefined
  #spare: SpareRecord[] = []
  #closed = false

  /** @hidden */
  constructor(engine: Engine, sticky: StickyRoundRobin, options: ProducerOptions = {}) {
    checkOptions('Producer', options, { partitioner: callback, clientId: name })
    this.#engine = engine
    this.#sticky = sticky
    this.#partitioner = options.partitioner
    this.#clientId = options.clientId ?? 'producer'
  }

  /**
   * Writes one record. In memory it is in the log when this returns its promise, unless the topic's schema is
   * asynchronous; no handler runs before that. Where a consumer has given way to the event loop the promise resolves
   * after that turn, so that a loop of awaited sends never outruns those who read.
   *
   * @throws UnknownTopicOrPartitionError, InvalidRecordError; nothing is written then
   */
  send<Name extends keyof Topics & string>(message: Message<Topics, Name>): Promise<RecordMetadata> {
    return sending.listened ? this.#sendTraced(message) : this.#send(message)
  }

  #send(message: unknown): Promise<RecordMetadata> {
    try {
      this.#requireOpen()
      if (this.#queue !== undefined && this.#queue.size > 0) return this.#sendQueued(message)
      const prepared = this.#prepare(message)
      if (isPromise(prepared)) return this.#sendLater(prepared)
      const sent = this.#engine.append(prepared)
      return isPromise(sent) ? sent : this.#resolve(sent)
    } catch (error) {
      return Promise.reject(error)
    }
  }

  /**
   * Writes several records, of any topics; those of one partition keep their order. In memory all are written or none.
   *
   * @throws UnknownTopicOrPartitionError, InvalidRecordError; nothing is written then
   */
  sendBatch(messages: readonly Message<Topics>[]): Promise<RecordMetadata[]> {
    return sending.listened ? this.#sendBatchTraced(messages) : this.#sendBatch(messages)
  }

  #sendBatch(messages: readonly unknown[]): Promise<RecordMetadata[]> {
    try {
      this.#requireOpen()
      if (!Array.isArray(messages)) {
        throw new InvalidArgumentError(
          `sendBatch: expected an array of messages, received ${describeValue(messages)}`,
          {
            field: 'messages',
            received: messages,
          },
        )
      }
      if (this.#queue !== undefined && this.#queue.size > 0) return this.#sendBatchQueued(messages)
      // Taken away while it is in use: code of the user that runs meanwhile may send, too.
      const spare = this.#spare
      this.#spare = []
      const prepared = this.#prepareAll(messages, spare)
      if (isPromise(prepared)) return this.#sendBatchLater(prepared)
      const sent = this.#engine.appendBatch(prepared)
      if (isPromise(sent)) return sent
      if (prepared.length <= mostSpare) this.#keepSpare(prepared)
      return this.#resolve(sent)
    } catch (error) {
      return Promise.reject(error)
    }
  }

  // What is no message is left for the checks to refuse.
  #sendTraced(message: unknown): Promise<RecordMetadata> {
    const messages = [toTraced(message)]
    return sending.trace({ clientId: this.#clientId, messages }, () =>
      this.#send(withHeaders(message, messages[0]!.headers)),
    )
  }

  #sendBatchTraced(given: readonly unknown[]): Promise<RecordMetadata[]> {
    if (!Array.isArray(given)) return this.#sendBatch(given)
    const messages = given.map(toTraced)
    return sending.trace({ clientId: this.#clientId, messages }, () =>
      this.#sendBatch(given.map((message, i) => withHeaders(message, messages[i]!.headers))),
    )
  }

  #keepSpare(records: SpareRecord[]): void {
    for (let i = 0; i < records.length; i++) emptyRecord(records[i]!)
    this.#spare = records
  }

  // A sender that never waits for anything else would leave consumers that gave way to the event loop behind.
  #resolve<Sent>(sent: Sent): Promise<Sent> {
    const turn = this.#engine.clock.awaitedTurn
    return turn === undefined ? Promise.resolve(sent) : this.#resolveAfter(turn, sent)
  }

  async #resolveAfter<Sent>(turn: Promise<void>, sent: Sent): Promise<Sent> {
    await turn
    return sent
  }

  #requireOpen(): void {
    if (this.#closed) throw new ClosedError(`Producer '${this.#clientId}' is closed`)
  }

  // These stand apart from `send` and `sendBatch`, because what a closure captures is allocated by every call of the
  // function around it, whether or not it comes to the closure.
  #sendQueued(message: unknown): Promise<RecordMetadata> {
    return this.#enqueue(
      () => this.#prepare(message),
      record => this.#engine.append(record),
    )
  }

  #sendLater(prepared: Promise<ProducerRecord>): Promise<RecordMetadata> {
    return this.#enqueue(
      () => prepared,
      record => this.#engine.append(record),
    )
  }

  #sendBatchQueued(messages: readonly unknown[]): Promise<RecordMetadata[]> {
    return this.#enqueue(
      () => this.#prepareAll(messages),
      records => this.#engine.appendBatch(records),
    )
  }

  #sendBatchLater(prepared: Promise<ProducerRecord[]>): Promise<RecordMetadata[]> {
    return this.#enqueue(
      () => prepared,
      records => this.#engine.appendBatch(records),
    )
  }

  #prepare(message: unknown): MaybePromise<ProducerRecord> {
    const prepared = this.#check(message)
    if (isPromise(prepared)) return prepared.then(record => this.#advance(record))
    return this.#advance(prepared)
  }

  #advance(record: ProducerRecord): ProducerRecord {
    if (record.key === null) this.#sticky.advance(record.topic.name)
    return record
  }

  #prepareAll(messages: readonly unknown[], records: SpareRecord[] = []): MaybePromise<SpareRecord[]> {
    const spares = records.length
    for (let i = 0; i < messages.length; i++) {
      const record = this.#check(messages[i], i < spares ? records[i] : undefined)
      if (isPromise(record)) return this.#prepareRest(messages, records.slice(0, i), record)
      if (i < spares) records[i] = record
      else records.push(record)
    }
    records.length = messages.length
    return this.#advanceAll(records)
  }

  async #prepareRest(
    messages: readonly unknown[],
    records: ProducerRecord[],
    first: Promise<ProducerRecord>,
  ): Promise<ProducerRecord[]> {
    records.push(await first)
    for (let i = records.length; i < messages.length; i++) records.push(await this.#check(messages[i]))
    return this.#advanceAll(records)
  }

  #advanceAll(records: SpareRecord[]): SpareRecord[] {
    let last: EngineTopic | undefined
    for (const { topic, key } of records) {
      if (key !== null || topic === last) continue
      this.#sticky.advance(topic.name)
      last = topic
    }
    return records
  }

  #check(message: unknown, spare?: SpareRecord): MaybePromise<ProducerRecord> {
    if (typeof message !== 'object' || message === null) {
      throw new InvalidArgumentError(
        `send: expected a message with a topic and a value, received ${describeValue(message)}`,
        {
          field: 'message',
          received: message,
        },
      )
    }
    const { topic: topicName } = message as { readonly topic?: unknown }
    if (typeof topicName !== 'string') {
      throw new InvalidArgumentError(
        `send: field 'topic' expected a topic's name, received ${describeValue(topicName)}`,
        {
          field: 'topic',
          received: topicName,
        },
      )
    }
    const topic = this.#engine.topic(topicName)
    if (isPromise(topic)) return this.#checkLater(topic, message)
    return toProducerRecord(topic, message as UncheckedMessage, this.#partitioner, this.#sticky, spare)
  }

  async #checkLater(topic: Promise<EngineTopic>, message: UncheckedMessage): Promise<ProducerRecord> {
    return toProducerRecord(await topic, message, this.#partitioner, this.#sticky)
  }

  // What waits for a schema is a send that waits: `idle` and `close` count it.
  #enqueue<Prepared, Sent>(
    prepare: () => MaybePromise<Prepared>,
    append: (prepared: Prepared) => MaybePromise<Sent>,
  ): Promise<Sent> {
    this.#queue ??= new TaskQueue(1)
    this.#track(this.#queue)
    return this.#queue
      .add(async () => append(await prepare()))
      .finally(() => {
        if (this.#queue?.size === 0) this.#untrack()
        this.#engine.touch()
      })
  }

  #track(queue: TaskQueue): void {
    if (this.#client) return
    this.#client = {
      groupId: undefined,
      pending: () => (queue.size > 0 ? [`Producer '${this.#clientId}' has ${queue.size} sends waiting`] : []),
      paused: [],
      unread: () => 0,
      close: async ({ timeoutMs = closeTimeoutMs }) => {
        await this.#closeWithin(timeoutMs)
        return []
      },
    }
    this.#engine.track(this.#client)
  }

  #untrack(): void {
    if (this.#client) this.#engine.untrack(this.#client)
    this.#client = undefined
  }

  /** Refuses further sends, and resolves when those under way are through. */
  async close(): Promise<void> {
    this.#closed = true
    await this.#queue?.idle()
  }

  /** Closes, for `await using`. */
  // The broker's close always ends: a schema that never answers is not waited for longer than this.
  #closeWithin(timeoutMs: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = this.#engine.clock.setTimer(resolve, timeoutMs, {
        name: `closing of '${this.#clientId}'`,
      })
      this.close()
        .then(resolve, reject)
        .finally(() => timer.cancel())
    })
  }

  /** Closes, for `await using`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }
}
