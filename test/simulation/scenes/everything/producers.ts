import type { Topic } from '../../../../src/log/topic.ts'
import type { Producer } from '../../../../src/producer/producer.ts'
import type { Transaction } from '../../../../src/producer/transaction.ts'
import { sendable } from './draws.ts'
import type { Everything } from './everything.ts'
import type { Fate } from './ledger.ts'

/** How many transactional ids the scene has, beside those of its consumers. */
const writers = 5

/** A producer of transactions. */
export interface Writer {
  readonly producer: Producer<never>
  readonly transactionalId: string
  readonly timeoutMs: number
}

interface Running {
  readonly writer: Writer
  readonly fate: Fate
  /** When its time is over, once it has begun. */
  until: number
  fenced: boolean
}

interface Message {
  readonly topic: string
  readonly key: string | null
  readonly partition?: number
  readonly value: unknown
  readonly headers: Record<string, string>
}

/** What is sent, on its own and in transactions, of which some take too long, fail, or are fenced. */
export class Producers {
  readonly #scene: Everything
  readonly #writers: (Writer | undefined)[] = Array.from({ length: writers })
  readonly #running = new Set<Running>()
  readonly #fenced = new Set<Writer>()

  constructor(scene: Everything) {
    this.#scene = scene
  }

  /** Whether a transaction is being committed: its offsets may count by now, or not. */
  get committing(): boolean {
    return [...this.#running].some(({ fate }) => fate.state === 'returned')
  }

  send(): void {
    const { lot, topics } = this.#scene
    const mostly = topics.one()
    if (mostly === undefined) return
    const count = lot.oneOf([1, 1, 2, 4, 9])
    const messages = Array.from({ length: count }, () =>
      this.#message((lot.chance(0.2) && topics.one()) || mostly),
    )
    // Of a batch that names a partition that there is not, nothing is written.
    if (lot.chance(0.1)) messages[messages.length - 1] = { ...messages.at(-1)!, partition: 99 }
    this.#sendAll(messages)
  }

  /** Sends so many records to a topic. */
  sendTo(topic: Topic, count: number): void {
    this.#sendAll(Array.from({ length: count }, () => this.#message(topic)))
  }

  /** Several at once now and then, so that some of them are open when another ends. */
  writeSome(): void {
    const { lot } = this.#scene
    const topics = lot.chance(0.5) ? this.#drawTopics() : undefined
    for (let left = lot.oneOf([1, 1, 4]); left > 0; left--) this.write(topics)
  }

  /** Now and then a new producer fences the one of its id, which may not know it. */
  write(topics: readonly string[] = this.#drawTopics()): void {
    const { lot } = this.#scene
    const i = lot.below(writers)
    const begins = this.#writers[i] === undefined || lot.chance(0.2)
    if (begins) {
      const fenced = this.#writers[i]
      if (fenced) this.#fenced.add(fenced)
      this.#writers[i] = this.writer(`writer-${i}`, lot.oneOf([100, 1000, 60_000]))
      for (const running of this.#running)
        if (running.writer.transactionalId === `writer-${i}`) running.fenced = true
    }
    // A new one fences with its first transaction.
    const old = begins ? undefined : lot.oneOf([...this.#fenced])
    const writer = old && lot.chance(0.2) ? old : this.#writers[i]!
    this.transact(writer, topics).catch(() => {})
  }

  writer(transactionalId: string, timeoutMs: number): Writer {
    const producer = this.#scene.broker.producer({ transactionalId, transactionTimeoutMs: timeoutMs })
    return { producer: producer as never, transactionalId, timeoutMs }
  }

  /** Writes a transaction; it takes its time, and is aborted now and then. */
  async transact(
    writer: Writer,
    topics: readonly string[],
    before?: (tx: Transaction<never>) => Promise<void>,
  ): Promise<Fate> {
    const scene = this.#scene
    const { lot, ledger, broker } = scene
    const fate: Fate = { state: 'open', over: this.#fenced.has(writer), mayBeOver: true }
    const running = { writer, fate, until: Number.POSITIVE_INFINITY, fenced: false }
    this.#running.add(running)
    const call = writer.producer.transaction(async tx => {
      running.until = broker.now + writer.timeoutMs
      fate.mayBeOver = fate.over || running.fenced
      await before?.(tx)
      for (const name of topics) {
        const topic = broker.topics.get(name)
        if (topic === undefined) throw new Error('planned')
        const message = this.#message(topic, fate)
        const sent = ledger.sent[Number(message.headers.id)]!
        const written = tx.send(message as never)
        written.then(
          metadata => ledger.written(sent, metadata),
          () => ledger.refused(sent),
        )
        await written
        if (!scene.healed && lot.chance(0.5)) await broker.clock.sleep(lot.oneOf([0, 20, 150, 1500]))
      }
      if (!scene.healed && lot.chance(0.2)) throw new Error('planned')
      fate.state = 'returned'
    })
    try {
      await scene.follow('transaction', call)
      fate.state = 'committed'
      if (fate.over) scene.report(`${writer.transactionalId} commits what is over`)
    } catch (error) {
      fate.state = 'aborted'
      throw error
    } finally {
      this.#running.delete(running)
    }
    return fate
  }

  /** Notes of which transactions the time is over by now, or whose producer is fenced. */
  note(): void {
    const { now } = this.#scene.broker
    for (const { fate, until, fenced } of this.#running)
      if (fate.state === 'open') {
        fate.over ||= fenced || now > until
        fate.mayBeOver ||= fenced || now >= until
      }
  }

  #message(topic: Topic, fate?: Fate): Message {
    const { lot, ledger } = this.#scene
    const key = topic.name === 'table' || lot.chance(0.5) ? lot.oneOf(['a', 'b', 'c', 'd']) : null
    const tombstone = topic.name === 'table' && lot.chance(0.2)
    const { id } = ledger.send(topic, key, fate, tombstone)
    // Transactions meet in the first partition.
    const partition = fate
      ? lot.chance(0.6) && { partition: 0 }
      : lot.chance(0.3) && { partition: lot.below(topic.partitions.length) }
    return {
      topic: topic.name,
      key,
      ...partition,
      value: tombstone ? null : { id },
      headers: { id: String(id) },
    }
  }

  #sendAll(messages: readonly Message[]): void {
    const { lot, ledger, broker } = this.#scene
    const sent = messages.map(({ headers }) => ledger.sent[Number(headers.id)]!)
    const call = broker.producer().sendBatch(messages as never, { timeoutMs: lot.oneOf([0, 50, 1500]) })
    this.#scene.follow('send', call).then(
      all => all.forEach((metadata, i) => void ledger.written(sent[i]!, metadata)),
      () => sent.forEach(each => void ledger.refused(each)),
    )
  }

  #drawTopics(): string[] {
    const { lot } = this.#scene
    return lot.some(() => lot.oneOf(sendable))
  }
}
