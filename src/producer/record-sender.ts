import { AbortWatch } from '../abort-watch.ts'
import type { ClientCloseOptions, Engine, EngineTopic, ProducerRecord, SendWait } from '../engine.ts'
import { InvalidArgumentError } from '../errors.ts'
import { forgetPromise, isPromise, type MaybePromise } from '../maybe-promise.ts'
import type { RecordMetadata } from '../record.ts'
import { TaskQueue } from '../task-queue.ts'
import { accepts, aList, invalidArgument } from '../validate.ts'
import { describeValue } from '../value-text.ts'
import { BusyProducer } from './busy-producer.ts'
import type { Partitioner, StickyRoundRobin } from './partitioner.ts'
import { asSent, readField, readTopic, toProducerRecord, type UncheckedMessage } from './producer-record.ts'

// Shared by all producers: one signal may end many sends.
const aborts = /* @__PURE__ */ new AbortWatch()

/** Where checked records are written: the log, or a transaction. */
export interface RecordSink {
  append(record: ProducerRecord, wait: SendWait): MaybePromise<RecordMetadata>
  appendBatch(records: readonly ProducerRecord[], wait: SendWait): MaybePromise<RecordMetadata[]>
}

/** How records are checked and placed. */
export interface SenderOptions {
  readonly engine: Engine
  readonly sticky: StickyRoundRobin
  readonly partitioner: Partitioner | undefined
  readonly clientId: string
  /** Aborts when the producer is closing and waits no longer. */
  readonly closing: AbortSignal
  /** Closes the producer, called by an engine that closes. */
  close(options: ClientCloseOptions): Promise<void>
}

/** Checks messages, serializes them, chooses their partitions and writes them, in the order in which they came. */
export class RecordSender {
  readonly #engine: Engine
  readonly #sink: RecordSink
  readonly #options: SenderOptions
  // Created when a schema, or the engine, first answers with a promise: later sends then wait their turn.
  #queue: TaskQueue | undefined
  #busy: BusyProducer | undefined
  // Sends that the engine has not answered yet.
  #waiting: Set<Promise<unknown>> | undefined
  // Created with the queue, not before: creating one costs half as much as a transaction does.
  #end: AbortController | undefined
  #endedBy: Error | undefined

  constructor(sink: RecordSink, options: SenderOptions) {
    this.#engine = options.engine
    this.#sink = sink
    this.#options = options
  }

  /** Whether nothing is under way. */
  get idle(): boolean {
    return (this.#waiting?.size ?? 0) === 0 && (this.#queue?.size ?? 0) === 0
  }

  /** Writes one record; answers at once where there is nothing to wait for. */
  send(message: unknown, wait: SendWait): MaybePromise<RecordMetadata> {
    if (this.#queue !== undefined && this.#queue.size > 0) return this.#sendLater(message, wait)
    const prepared = this.#prepare(message)
    if (isPromise(prepared)) return this.#sendLater(message, wait, prepared)
    const sent = this.#sink.append(prepared, wait)
    if (isPromise(sent)) return this.#follow(sent)
    // Where V8 has just seen what kind of object this is, the promise of it is made without a look for a `then`. Not
    // in `promise`, which sees batches, too.
    void sent.offset
    return sent
  }

  /** The same for several records. */
  sendBatch(messages: readonly unknown[], wait: SendWait): MaybePromise<RecordMetadata[]> {
    if (!accepts(aList, messages)) {
      throw invalidArgument('sendBatch', 'messages', 'an array of messages', messages)
    }
    if (this.#queue !== undefined && this.#queue.size > 0) return this.#sendBatchLater(messages, wait)
    const prepared = this.#prepareAll(messages)
    if (isPromise(prepared)) return this.#sendBatchLater(messages, wait, prepared)
    const sent = this.#sink.appendBatch(prepared, wait)
    return isPromise(sent) ? this.#follow(sent) : sent
  }

  /**
   * The promise of an answer. It waits for a turn of the event loop where consumers do, so that sends do not outrun
   * them.
   */
  promise<Sent>(sent: MaybePromise<Sent>): Promise<Sent> {
    if (isPromise(sent)) return sent
    const turn = this.#engine.clock.awaitedTurn
    return turn === undefined ? Promise.resolve(sent) : this.#resolveAfter(turn, sent)
  }

  async #resolveAfter<Sent>(turn: Promise<void>, sent: Sent): Promise<Sent> {
    await turn
    return sent
  }

  #follow<Sent>(sent: Promise<Sent>): Promise<Sent> {
    const waiting = this.#waiting ?? new Set()
    this.#waiting = waiting
    waiting.add(sent)
    const over = () => void waiting.delete(sent)
    sent.then(over, over)
    return sent
  }

  /** Refuses the sends that wait their turn, and those that would. */
  giveUp(reason: Error): void {
    this.#endedBy = reason
    this.#end?.abort(reason)
  }

  get #ending(): AbortSignal {
    if (this.#end === undefined) {
      this.#end = new AbortController()
      if (this.#endedBy !== undefined) this.#end.abort(this.#endedBy)
    }
    return this.#end.signal
  }

  /** Resolves when all sends have ended, well or not. */
  async through(): Promise<void> {
    await this.#queue?.idle()
    await Promise.allSettled(this.#waiting ?? [])
  }

  // --- sends that wait their turn -----------------------------------------------------------------------------------

  // Apart from `send` and `sendBatch`, because a function allocates what its closures capture on every call, even on
  // one that makes no closure. What is prepared already, as far as that goes, is not looked at again.
  #sendLater(message: unknown, wait: SendWait, prepared?: Promise<ProducerRecord>): Promise<RecordMetadata> {
    const sent = prepared === undefined ? this.#asSent(message) : undefined
    return this.#enqueue(
      prepared,
      () => this.#prepare(sent),
      record => this.#sink.append(record, wait),
      wait,
    )
  }

  #sendBatchLater(
    messages: readonly unknown[],
    wait: SendWait,
    prepared?: Promise<ProducerRecord[]>,
  ): Promise<RecordMetadata[]> {
    const sent = prepared === undefined ? this.#allAsSent(messages) : []
    return this.#enqueue(
      prepared,
      () => this.#prepareAll(sent),
      records => this.#sink.appendBatch(records, wait),
      wait,
    )
  }

  #asSent(message: unknown): unknown {
    const sent = asSent(message)
    if (this.#engine.willSendTo === undefined || typeof sent !== 'object' || sent === null) return sent
    const topic = readTopic(sent)
    if (typeof topic === 'string') this.#engine.willSendTo(topic)
    return sent
  }

  #allAsSent(messages: readonly unknown[]): readonly unknown[] {
    return messages.map(message => this.#asSent(message))
  }

  // A send that waits for its schema or its topic counts for `idle` and `close`. The next send waits only until this
  // one is given to the engine, not until the engine has answered: the engine keeps the order from there.
  async #enqueue<Prepared, Sent>(
    prepared: Promise<Prepared> | undefined,
    prepare: () => MaybePromise<Prepared>,
    append: (prepared: Prepared) => MaybePromise<Sent>,
    { signals }: SendWait,
  ): Promise<Sent> {
    this.#queue ??= new TaskQueue()
    this.#busy ??= new BusyProducer(this.#options, () => this.#doing())
    this.#busy.begin()
    // A schema may send something itself, which goes first: what it refuses meanwhile is no unhandled rejection.
    forgetPromise(prepared)
    const ends = [...signals, this.#ending]
    // A schema may never answer: a send that is given up does not wait for it, and neither do the sends behind it.
    let forget = () => {}
    const givenUp = new Promise<never>((_, reject) => {
      for (const signal of ends) signal.throwIfAborted()
      forget = aborts.watch(ends, reject)
    })
    const task = async () => {
      const ready = await Promise.race([prepared ?? prepare(), givenUp])
      // A send that was given up, even just now, must not be written: its caller does not expect it in the log.
      for (const signal of ends) signal.throwIfAborted()
      forget()
      const appended = append(ready)
      return { sent: isPromise(appended) ? this.#follow(appended) : appended }
    }
    const queued = this.#queue.add(task)
    const ended = () => this.#ended()
    // Where the send was given up, its task ends later.
    queued.then(ended, ended)
    try {
      const { sent } = await Promise.race([queued, givenUp])
      return await sent
    } finally {
      forget()
      this.#ended()
    }
  }

  #ended(): void {
    if (this.#queue!.size === 0) this.#busy!.end()
  }

  #doing(): string | undefined {
    const { size } = this.#queue!
    return size === 0 ? undefined : `has ${size} sends waiting`
  }

  // --- checking and placing -----------------------------------------------------------------------------------------

  #prepare(message: unknown): MaybePromise<ProducerRecord> {
    const prepared = this.#check(message)
    if (isPromise(prepared)) return prepared.then(record => this.#advance(record))
    return this.#advance(prepared)
  }

  #advance(record: ProducerRecord): ProducerRecord {
    if (record.key === null) this.#options.sticky.advance(record.topic.name)
    return record
  }

  #prepareAll(messages: readonly unknown[]): MaybePromise<ProducerRecord[]> {
    const records = new Array<ProducerRecord>(messages.length)
    for (let i = 0; i < messages.length; i++) {
      const record = this.#check(messages[i])
      if (isPromise(record)) {
        // One of the rest may not be readable: a refusal of this one must not end as an unhandled rejection then.
        forgetPromise(record)
        return this.#prepareRest(this.#allAsSent(messages.slice(i + 1)), records.slice(0, i), record)
      }
      records[i] = record
    }
    return this.#advanceAll(records)
  }

  async #prepareRest(
    rest: readonly unknown[],
    records: ProducerRecord[],
    first: Promise<ProducerRecord>,
  ): Promise<ProducerRecord[]> {
    records.push(await first)
    for (const message of rest) records.push(await this.#check(message))
    return this.#advanceAll(records)
  }

  #advanceAll(records: ProducerRecord[]): ProducerRecord[] {
    let last: EngineTopic | undefined
    for (let i = 0; i < records.length; i++) {
      const { topic, key } = records[i]!
      if (key !== null || topic === last) continue
      this.#options.sticky.advance(topic.name)
      last = topic
    }
    return records
  }

  #check(message: unknown): MaybePromise<ProducerRecord> {
    if (typeof message !== 'object' || message === null) {
      const as = typeof message === 'string' ? ', as send({ topic, value })' : ''
      throw invalidArgument('send', 'message', `a message with a topic and a value${as}`, message)
    }
    const topicName = readTopic(message)
    if (typeof topicName !== 'string') {
      if (Array.isArray(message)) {
        const expected = 'a message with a topic and a value (sendBatch takes several)'
        throw invalidArgument('send', 'message', expected, message)
      }
      const expected = `a topic's name`
      throw new InvalidArgumentError(
        `send: field 'topic' expected ${expected}, received ${describeValue(topicName)}`,
        { field: 'topic', expected, received: topicName },
      )
    }
    const partition = readField(topicName, message, 'partition')
    const topic = this.#engine.topic(topicName, typeof partition === 'number' ? partition : undefined)
    if (isPromise(topic)) return this.#checkLater(topic, message)
    const { partitioner, sticky } = this.#options
    return toProducerRecord(topic, message as UncheckedMessage, partitioner, sticky)
  }

  async #checkLater(topic: Promise<EngineTopic>, message: UncheckedMessage): Promise<ProducerRecord> {
    const { partitioner, sticky } = this.#options
    // A message that cannot be read is refused for that, whatever becomes of its topic.
    forgetPromise(topic)
    const sent = asSent(message) as UncheckedMessage
    return toProducerRecord(await topic, sent, partitioner, sticky)
  }
}
