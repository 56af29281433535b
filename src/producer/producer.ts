import { Deadline } from '../deadline.ts'
import type { Engine, EngineClient, EngineTopic, ProducerRecord, SendWait } from '../engine.ts'
import { ClosedError, describeValue, InvalidArgumentError } from '../errors.ts'
import { isPromise, type MaybePromise } from '../maybe-promise.ts'
import type { RecordMetadata } from '../record.ts'
import type { Message, TopicMap } from '../topic-definition.ts'
import { abortSignal, boolean, callback, checkOptions, duration, name } from '../validate.ts'
import type { Partitioner, StickyRoundRobin } from './partitioner.ts'
import { emptyRecord, type SpareRecord, toProducerRecord, type UncheckedMessage } from './producer-record.ts'
import { SendQueue } from './send-queue.ts'

/** How a producer sends. */
export interface ProducerOptions {
  /** Chooses a partition where the message names none; default Kafka's: murmur2 of the key, else sticky round robin. */
  partitioner?: Partitioner
  /** What it calls itself in errors; default `producer`. */
  clientId?: string
  /**
   * How long a send waits for room where its topic says `whenFull: 'wait'`, in milliseconds; default 60,000.
   * (Kafka: max.block.ms)
   */
  maxBlockMs?: number
  /**
   * Whether a batch that has to be sent again is written once; default true. In this process nothing is ever sent again,
   * so it always holds. (Kafka: enable.idempotence)
   */
  idempotent?: boolean
}

/** How long one send waits for room, where its topic says `whenFull: 'wait'`. */
export interface SendOptions {
  /** Ends the wait: the send rejects with the signal's reason and writes nothing. */
  readonly signal?: AbortSignal
  /** Milliseconds; default the producer's `maxBlockMs`. 0 rejects at once. */
  readonly timeoutMs?: number
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
  readonly #closing = new AbortController()
  readonly #wait: SendWait
  // Those that wait for room.
  readonly #waiting = new Set<Promise<unknown>>()
  // Made when a schema, or the engine, first answers with a promise: later sends then wait their turn.
  #queue: SendQueue | undefined
  #client: EngineClient | undefined
  #spare: SpareRecord[] = []
  #closed = false

  /** @hidden */
  constructor(engine: Engine, sticky: StickyRoundRobin, options: ProducerOptions = {}) {
    checkOptions('Producer', options, {
      partitioner: callback,
      clientId: name,
      maxBlockMs: duration,
      idempotent: boolean,
    })
    this.#engine = engine
    this.#sticky = sticky
    this.#partitioner = options.partitioner
    this.#clientId = options.clientId ?? 'producer'
    this.#wait = { timeoutMs: options.maxBlockMs ?? 60_000, signals: [this.#closing.signal] }
  }

  /**
   * Writes one record. In memory it is in the log when this returns its promise, unless the topic's schema is
   * asynchronous; no handler runs before that. Where a consumer has given way to the event loop the promise resolves
   * after that turn, so that a loop of awaited sends never outruns those who read. Where a log is full and its topic says
   * `whenFull: 'wait'`, it resolves once there is room.
   *
   * @throws UnknownTopicOrPartitionError, InvalidRecordError, QueueFullError, TimeoutError; nothing is written then
   */
  send<Name extends keyof Topics & string>(
    message: Message<Topics, Name>,
    options?: SendOptions,
  ): Promise<RecordMetadata> {
    try {
      this.#requireOpen()
      const wait = options === undefined ? this.#wait : this.#waitOf('send', options)
      if (this.#queue !== undefined && this.#queue.size > 0) return this.#sendQueued(message, wait)
      const prepared = this.#prepare(message)
      if (isPromise(prepared)) return this.#sendLater(prepared, wait)
      const sent = this.#engine.append(prepared, wait)
      return isPromise(sent) ? this.#follow(sent) : this.#resolve(sent)
    } catch (error) {
      return Promise.reject(error)
    }
  }

  /**
   * Writes several records, of any topics; those of one partition keep their order. In memory all are written or none.
   *
   * @throws UnknownTopicOrPartitionError, InvalidRecordError, QueueFullError, TimeoutError; nothing is written then
   * @throws RecordListTooLargeError where they could never fit
   */
  sendBatch(messages: readonly Message<Topics>[], options?: SendOptions): Promise<RecordMetadata[]> {
    try {
      this.#requireOpen()
      const wait = options === undefined ? this.#wait : this.#waitOf('sendBatch', options)
      if (!Array.isArray(messages)) {
        throw new InvalidArgumentError(
          `sendBatch: expected an array of messages, received ${describeValue(messages)}`,
          {
            field: 'messages',
            received: messages,
          },
        )
      }
      if (this.#queue !== undefined && this.#queue.size > 0) return this.#sendBatchQueued(messages, wait)
      // Taken away while it is in use: code of the user that runs meanwhile may send, too.
      const spare = this.#spare
      this.#spare = []
      const prepared = this.#prepareAll(messages, spare)
      if (isPromise(prepared)) return this.#sendBatchLater(prepared, wait)
      const sent = this.#engine.appendBatch(prepared, wait)
      if (isPromise(sent)) return this.#follow(sent)
      if (prepared.length <= mostSpare) this.#keepSpare(prepared)
      return this.#resolve(sent)
    } catch (error) {
      return Promise.reject(error)
    }
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

  #waitOf(method: string, options: SendOptions): SendWait {
    checkOptions(method, options, { signal: abortSignal, timeoutMs: duration })
    const { signal, timeoutMs = this.#wait.timeoutMs } = options
    signal?.throwIfAborted()
    return { timeoutMs, signals: signal ? [...this.#wait.signals, signal] : this.#wait.signals }
  }

  // `close` waits for those that wait for room.
  #follow<Sent>(sent: Promise<Sent>): Promise<Sent> {
    this.#waiting.add(sent)
    const over = () => void this.#waiting.delete(sent)
    sent.then(over, over)
    return sent
  }

  #requireOpen(): void {
    if (this.#closed) throw new ClosedError(`Producer '${this.#clientId}' is closed`)
  }

  // These stand apart from `send` and `sendBatch`, because what a closure captures is allocated by every call of the
  // function around it, whether or not it comes to the closure.
  #sendQueued(message: unknown, wait: SendWait): Promise<RecordMetadata> {
    return this.#enqueue(
      () => this.#prepare(message),
      record => this.#engine.append(record, wait),
    )
  }

  #sendLater(prepared: Promise<ProducerRecord>, wait: SendWait): Promise<RecordMetadata> {
    return this.#enqueue(
      () => prepared,
      record => this.#engine.append(record, wait),
    )
  }

  #sendBatchQueued(messages: readonly unknown[], wait: SendWait): Promise<RecordMetadata[]> {
    return this.#enqueue(
      () => this.#prepareAll(messages),
      records => this.#engine.appendBatch(records, wait),
    )
  }

  #sendBatchLater(prepared: Promise<ProducerRecord[]>, wait: SendWait): Promise<RecordMetadata[]> {
    return this.#enqueue(
      () => prepared,
      records => this.#engine.appendBatch(records, wait),
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
    this.#queue ??= new SendQueue()
    this.#track(this.#queue)
    return this.#queue
      .add(async () => append(await prepare()))
      .finally(() => {
        if (this.#queue?.size === 0) this.#untrack()
        this.#engine.touch()
      })
  }

  #track(queue: SendQueue): void {
    if (this.#client) return
    this.#client = {
      groupId: undefined,
      pending: () => (queue.size > 0 ? [`Producer '${this.#clientId}' has ${queue.size} sends waiting`] : []),
      paused: [],
      unread: () => 0,
      close: async ({ timeoutMs = closeTimeoutMs }) => {
        await this.close({ timeoutMs })
        return []
      },
    }
    this.#engine.track(this.#client)
  }

  #untrack(): void {
    if (this.#client) this.#engine.untrack(this.#client)
    this.#client = undefined
  }

  /**
   * Refuses further sends, and resolves when those under way are through. After `timeoutMs` (default 30,000) it waits no
   * longer: sends that still wait for room are refused.
   */
  async close(options: { readonly timeoutMs?: number } = {}): Promise<void> {
    checkOptions('close', options, { timeoutMs: duration })
    this.#closed = true
    if (this.#waiting.size === 0 && (this.#queue?.size ?? 0) === 0) return
    await this.#closeWithin(options.timeoutMs ?? closeTimeoutMs)
  }

  // It always ends: a schema that never answers, and room that never comes, are not waited for longer than this.
  async #closeWithin(timeoutMs: number): Promise<void> {
    const deadline = new Deadline(this.#engine.clock, timeoutMs, `closing of '${this.#clientId}'`)
    try {
      await Promise.race([this.#through(), deadline.passed])
    } finally {
      deadline.cancel()
      this.#closing.abort(
        new ClosedError(`Producer '${this.#clientId}' was closed; nothing of this send was written`),
      )
    }
  }

  async #through(): Promise<void> {
    await this.#queue?.idle()
    await Promise.allSettled(this.#waiting)
  }

  /** Closes, for `await using`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }
}
