import { setImmediate } from 'node:timers/promises'
import { type AnyRecord, type Consumer, topic } from '../../../src/index.ts'
import { TestBroker } from '../../../src/testing/index.ts'
import { Lot } from '../../helpers/lot.ts'
import { FollowedCalls, planned } from '../followed-calls.ts'
import type { Scene } from '../scene.ts'

const topics = {
  orders: topic<number>({ partitions: 3 }),
  more: topic<number>({ partitions: 2 }),
  audit: topic<number>(),
}
const read = ['orders', 'more'] as const
const ownEvents = ['error', 'restarting', 'retrying', 'parked', 'stalled'] as const

/**
 * Members of a group that do everything to the broker, to themselves and to each other while they have a record in hand,
 * as a seed decides. Seeks go back only, so whatever is committed has been handled.
 */
export class WithinHandlers implements Scene {
  readonly problems: string[] = []
  readonly #lot: Lot
  readonly #broker: TestBroker<typeof topics>
  readonly #live = new Set<Consumer>()
  // By partition: the offsets that were handled, and what its handlers have in hand.
  readonly #handled = new Map<string, Set<number>>()
  readonly #inHand = new Map<string, Set<{ readonly member: string; readonly key: AnyRecord['key'] }>>()
  readonly #calls = new FollowedCalls(this.problems)
  readonly #producer
  readonly #transactional
  #members = 0
  #actionsLeft = 100
  // Nobody starts any more but who reads the rest.
  #ends = false

  constructor(seed: number) {
    this.#lot = new Lot(seed)
    this.#broker = new TestBroker({ seed, topics })
    this.#broker.on('recordsDropped', () => {})
    this.#producer = this.#broker.producer()
    this.#transactional = this.#broker.producer({ transactionalId: 'audits' })
  }

  get transcript(): string {
    return String(this.#broker.timeline)
  }

  async run(): Promise<void> {
    const lot = this.#lot
    this.#start()
    for (let i = 0; i < 20; i++) {
      for (let sent = lot.oneOf([1, 3, 10]); sent > 0; sent--) this.#send()
      if (this.#live.size < 3) this.#start()
      await this.#broker.advance(lot.oneOf([0, 1, 100, 1500]))
      this.#checkCommits()
    }
    this.#actionsLeft = 0
    this.#ends = true
    for (const consumer of this.#live) void this.#calls.follow('close', () => consumer.close())
    await this.#broker.advance(60_000)
    this.#start('records', read)
    await this.#broker.advanceUntilIdle()
    this.#checkAll()
    await this.#broker.close()
    await setImmediate()
    this.#calls.end(this.#broker)
  }

  #send(): void {
    const message = { topic: this.#lot.oneOf(read), key: `k${this.#lot.below(5)}`, value: 0 }
    void this.#calls.follow('send', () => this.#producer.send(message))
  }

  // --- members ------------------------------------------------------------------------------------------------------

  #start(
    kind = this.#lot.oneOf(['records', 'keys', 'keys', 'batches', 'loop', 'loop'] as const),
    names = this.#lot.oneOf<readonly (typeof read)[number][]>([read, ['orders']]),
  ): void {
    const lot = this.#lot
    const name = `${kind} ${++this.#members}`
    const hook = () => (lot.chance(0.3) ? this.#act(consumer) : undefined)
    const consumer = this.#broker.consumer({
      groupId: 'g',
      clientId: name,
      topics: names,
      maxPollRecords: lot.oneOf([1, 3, 500]),
      autoCommit: kind === 'records' || lot.chance(0.8),
      maxPollIntervalMs: Number.POSITIVE_INFINITY,
      onAssigned: hook,
      onRevoked: hook,
    }) as unknown as Consumer
    for (const event of ownEvents) consumer.on(event, () => {})
    consumer.on('lost', () => this.problems.push(`${name} has lost partitions`))
    this.#live.add(consumer)
    consumer.done.then(() => this.#live.delete(consumer))
    void this.#calls.follow(name, () => this.#consume(kind, name, consumer))
  }

  async #consume(kind: string, name: string, consumer: Consumer): Promise<void> {
    const lot = this.#lot
    const eachRecord = (record: AnyRecord) => this.#handle(name, consumer, record)
    const retry = { attempts: lot.oneOf([1, 2]), delayMs: 10 }
    if (kind === 'records') return consumer.run({ eachRecord, retry, concurrency: lot.oneOf([1, 2]) })
    if (kind === 'keys') {
      const onFailure = lot.oneOf(['restart', 'park-key'] as const)
      const more = { retry, onFailure, parkedDelayMs: 500, windowRecords: lot.oneOf([3, 100]) }
      return consumer.run({ eachRecord, concurrency: 3, ordering: 'key', ...more })
    }
    if (kind === 'batches') {
      const eachBatch = async ({ records }: { readonly records: readonly AnyRecord[] }) => {
        for (const record of records) await eachRecord(record)
      }
      return consumer.run({ eachBatch, retry, batch: { maxRecords: 4, lingerMs: lot.oneOf([0, 200]) } })
    }
    let left = lot.oneOf([3, 10, 1000])
    for await (const record of consumer) {
      // The record in hand is another one's then.
      if (left-- === 0) return this.#ends ? undefined : this.#start('loop')
      await eachRecord(record)
    }
  }

  async #handle(member: string, consumer: Consumer, record: AnyRecord): Promise<void> {
    const lot = this.#lot
    const tp = `${record.topic}-${record.partition}`
    const mine = { member, key: record.key }
    const inHand = setOf(this.#inHand, tp)
    for (const other of inHand) {
      if (other.member !== member) this.problems.push(`${tp} is in hand of ${member} and ${other.member}`)
      else if (other.key === record.key) this.problems.push(`${member} has two of ${record.key} in hand`)
    }
    for (const { key, offset } of this.#unhandled(tp, record.offset))
      if (key === record.key) this.problems.push(`${tp}@${record.offset} comes before ${offset} of its key`)
    inHand.add(mine)
    try {
      for (let acts = lot.below(3); acts > 0; acts--) {
        const acted = this.#act(consumer)
        if (lot.chance(0.6)) await acted
      }
      if (lot.chance(0.3)) await this.#broker.clock.sleep(lot.oneOf([1, 50, 700]))
      if (this.#actionsLeft > 0 && lot.chance(0.05)) throw planned
      setOf(this.#handled, tp).add(record.offset)
    } finally {
      inHand.delete(mine)
    }
    this.#checkCommits()
  }

  // --- what they do -------------------------------------------------------------------------------------------------

  // The promise of what may be awaited within a handler: what waits for the handler may not.
  #act(own: Consumer): Promise<void> | undefined {
    if (this.#actionsLeft <= 0) return undefined
    this.#actionsLeft--
    const lot = this.#lot
    const consumer = lot.chance(0.8) ? own : lot.oneOf([...this.#live])
    const [what, act] = lot.oneOf(Object.entries(this.#acts))
    const acted = this.#calls.follow(what, () => act(consumer ?? own))
    return what.startsWith('void ') ? undefined : acted
  }

  readonly #acts: Record<string, (consumer: Consumer) => unknown> = {
    'void close': consumer => consumer.close(),
    'void drain': consumer => consumer.close({ drain: true, timeoutMs: 3_600_000 }),
    'void subscribe': consumer => consumer.subscribe(this.#lot.oneOf([read, ['orders'], ['more']])),
    'void start': () => this.#start(),
    'void pause': async consumer => {
      consumer.pause()
      await this.#broker.clock.sleep(this.#lot.oneOf([1, 300]))
      consumer.resume()
    },
    resume: consumer => consumer.resume(),
    commit: consumer => consumer.commit(),
    seek: consumer => {
      const tp = this.#lot.oneOf(consumer.assignment)
      if (tp === undefined) return
      const { logStartOffset } = this.#log(tp)
      const [first] = this.#unhandled(`${tp.topic}-${tp.partition}`)
      consumer.seek(tp, Math.max(logStartOffset, (first?.offset ?? logStartOffset) - this.#lot.below(4)))
    },
    'make or delete a topic': () =>
      this.#broker.topics.has('temp')
        ? this.#broker.deleteTopic('temp' as never)
        : this.#broker.createTopic('temp'),
    'delete records': () => {
      const { logStartOffset: from, highWatermark: end } = this.#log({ topic: 'orders', partition: 0 })
      const offset = Math.min(end, from + this.#lot.below(4))
      return this.#broker.admin.deleteRecords([{ topic: 'orders', partition: 0, offset }])
    },
    alter: () => this.#broker.admin.alterTopic('orders', { retentionRecords: this.#lot.oneOf([-1, 20, 5]) }),
    'add a partition': () => {
      const log = this.#broker.topic('more')
      if (log.partitions.length < 5) log.addPartitions(log.partitions.length + 1)
    },
    transaction: () =>
      this.#transactional.transaction(async tx => {
        await tx.send({ topic: 'audit', value: 0 })
        if (this.#lot.chance(0.3)) throw planned
      }),
  }

  // --- what must hold -----------------------------------------------------------------------------------------------

  #log({ topic: name, partition }: { readonly topic: string; readonly partition: number }) {
    return this.#broker.topic(name as 'orders').partitions[partition]!
  }

  // The records before an offset that are in the log and were not handled.
  #unhandled(tp: string, before = Number.POSITIVE_INFINITY): AnyRecord[] {
    const [name, partition] = tp.split('-') as [string, string]
    const log = this.#log({ topic: name, partition: Number(partition) })
    const handled = setOf(this.#handled, tp)
    const records: readonly AnyRecord[] = log.read(log.logStartOffset, { maxRecords: 1000 })
    return records.filter(({ offset }) => offset < before && !handled.has(offset))
  }

  #checkCommits(): void {
    for (const { topic: name, partition, offset } of this.#broker.groups.get('g')?.offsets ?? []) {
      const [first] = this.#unhandled(`${name}-${partition}`, offset)
      if (first) this.problems.push(`the commit ${offset} of ${name}-${partition} passes ${first.offset}`)
    }
  }

  #checkAll(): void {
    for (const name of read) {
      for (const { index } of this.#broker.topic(name).partitions)
        for (const { offset } of this.#unhandled(`${name}-${index}`))
          this.problems.push(`${name}-${index}@${offset} was never handled`)
    }
  }
}

function setOf<Value>(sets: Map<string, Set<Value>>, name: string): Set<Value> {
  const set = sets.get(name) ?? new Set()
  sets.set(name, set)
  return set
}
