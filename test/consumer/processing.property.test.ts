import { expect, it } from 'vitest'
import { type AnyRecord, Broker, type Consumer, type OnFailure, type Ordering } from '../../src/index.ts'
import { seededRandom } from '../../src/testing/seeded-random.ts'
import { VirtualClock } from '../../src/testing/virtual-clock.ts'
import { range } from '../helpers/behaviours.ts'
import { fc } from '../helpers/fast-check.ts'

type Policy = OnFailure<'orders.dlq'>

/** One schedule: who consumes how, what its handlers do, and who comes and goes meanwhile. */
interface History {
  readonly seed: number
  readonly partitions: number
  readonly keys: number
  readonly records: number
  readonly concurrency: number
  readonly ordering: Ordering
  readonly windowRecords: number
  readonly onFailure: Policy
  /** Of 100 calls, how many throw, and how many take longer than they may. */
  readonly failing: number
  readonly stuck: number
  /** What happens while they work, each after some milliseconds. */
  readonly events: readonly { readonly afterMs: number; readonly what: 'join' | 'close' | 'pause' | 'send' }[]
}

const histories: fc.Arbitrary<History> = fc.record({
  seed: fc.integer(),
  partitions: fc.integer({ min: 1, max: 4 }),
  keys: fc.integer({ min: 1, max: 12 }),
  records: fc.integer({ min: 1, max: 60 }),
  concurrency: fc.integer({ min: 1, max: 8 }),
  ordering: fc.constantFrom('partition', 'key', 'none'),
  windowRecords: fc.integer({ min: 1, max: 20 }),
  onFailure: fc.constantFrom<Policy>('restart', 'skip', 'park-key', { deadLetter: 'orders.dlq' }),
  failing: fc.constantFrom(0, 10, 40),
  stuck: fc.constantFrom(0, 0, 2),
  events: fc.array(
    fc.record({
      afterMs: fc.integer({ min: 0, max: 300 }),
      what: fc.constantFrom('join', 'close', 'pause', 'send'),
    }),
    { maxLength: 8 },
  ),
})

const maxPollIntervalMs = 1000

interface Run {
  readonly lane: string
  readonly consumer: Consumer
  readonly began: number
  lost: boolean
}

/** Runs a history and holds what happens against what is promised. */
class Model {
  readonly #history: History
  readonly #clock = new VirtualClock()
  readonly #random: () => number
  readonly #broker: Broker
  readonly #consumers = new Set<Consumer>()
  // By place: how often it was finished, and how often its consumer lost it.
  readonly #finished = new Map<string, number>()
  readonly #settled = new Set<string>()
  readonly #running = new Map<string, Run>()
  readonly #last = new Map<string, number>()
  #losses = 0
  #began = 0
  #sent = 0
  readonly wrong: string[] = []

  constructor(history: History) {
    this.#history = history
    this.#random = seededRandom(history.seed)
    this.#broker = new Broker({ clock: this.#clock, random: seededRandom(history.seed + 1) })
    this.#broker.createTopic('orders', { partitions: history.partitions })
    this.#broker.createTopic('orders.dlq', { partitions: 2 })
  }

  // A parked key lets the others go on, so it needs that order.
  get ordering(): Ordering {
    return this.#history.onFailure === 'park-key' ? 'key' : this.#history.ordering
  }

  async run(): Promise<readonly string[]> {
    this.#send(this.#history.records)
    await this.#join()
    for (const { afterMs, what } of this.#history.events) {
      await this.#clock.advance(afterMs)
      if (what === 'join') await this.#join()
      else if (what === 'send') this.#send(5)
      else this.#disturb(what)
    }
    if (this.#consumers.size === 0) await this.#join()
    // What is in a handler's hands is no lag; what it fails at is one again. However often records are parked, some handler
    // begins within the minute that a parked one waits: it hangs when none does for two.
    for (let rests = 0, idle = 0, before = 0; rests < 2 && idle < 12; before = this.#began) {
      await this.#clock.advance(10_000)
      rests = this.#broker.group('g').lag() === 0 ? rests + 1 : 0
      idle = this.#began === before ? idle + 1 : 0
    }
    this.#checkEnd()
    await this.#broker.close({ timeoutMs: 0 })
    return this.wrong
  }

  #send(count: number): void {
    const { keys } = this.#history
    for (let i = 0; i < count; i++) {
      const key = this.#random() < 0.1 ? null : `k${Math.floor(this.#random() * keys)}`
      this.#broker.topic('orders').append({ key, value: this.#sent++ })
    }
  }

  async #join(): Promise<void> {
    const { concurrency, windowRecords, onFailure } = this.#history
    const { ordering } = this
    const consumer: Consumer = this.#broker.consumer({ groupId: 'g', topics: ['orders'], maxPollIntervalMs })
    this.#consumers.add(consumer)
    consumer
      .on('committed', ({ offsets }) => this.#checkCommit(offsets))
      .on('lost', () => this.#lost(consumer))
      .on('skipped', ({ record }) => this.#settled.add(place(record)))
      .on('deadLettered', ({ record }) => this.#settled.add(place(record)))
      .on('parked', () => {})
      .on('restarting', () => {})
      .on('stalled', () => {})
      .on('error', () => {})
    const window = ordering === 'partition' ? {} : { windowRecords }
    const running = consumer.run({
      concurrency,
      ordering,
      ...window,
      onFailure,
      retry: { attempts: 2, delayMs: 50 },
      eachRecord: record => this.#handle(record, consumer),
    })
    running.catch(() => {})
    await this.#clock.settle()
  }

  // Mostly it closes while somebody else can go on.
  #disturb(what: 'close' | 'pause'): void {
    const consumer = [...this.#consumers][Math.floor(this.#random() * this.#consumers.size)]
    if (consumer === undefined) return
    if (what === 'pause') {
      consumer.pause()
      this.#clock.setTimer(() => consumer.resume(), 500)
      return
    }
    this.#consumers.delete(consumer)
    void consumer.close()
  }

  #lost(consumer: Consumer): void {
    this.#losses++
    for (const run of this.#running.values()) if (run.consumer === consumer) run.lost = true
  }

  // A consumer's partitions go to the others before it hears of that itself.
  #noteLosses(): void {
    const now = this.#clock.monotonic()
    for (const { began, lost, consumer } of this.#running.values()) {
      if (!lost && now - began >= maxPollIntervalMs) this.#lost(consumer)
    }
  }

  async #handle(record: AnyRecord, consumer: Consumer): Promise<void> {
    const id = place(record)
    const lane = this.#laneOf(record, id)
    this.#began++
    this.#noteLosses()
    for (const run of this.#running.values()) {
      if (run.lane === lane && !run.lost) this.wrong.push(`${id} began while ${lane} had a handler`)
    }
    const last = this.#last.get(lane) ?? -1
    if (record.offset < last && this.#losses === 0) this.wrong.push(`${id} came after ${last} of ${lane}`)
    const run = { lane, consumer, began: this.#clock.monotonic(), lost: false }
    this.#running.set(id, run)
    try {
      const chance = this.#random() * 100
      const stuck = chance >= 100 - this.#history.stuck
      if (stuck || this.#random() < 0.7) {
        await this.#broker.clock.sleep(stuck ? maxPollIntervalMs * 2 : this.#random() * 40)
      }
      if (chance < this.#history.failing) throw new Error('boom')
      this.#noteLosses()
      if (run.lost) return
      this.#finished.set(id, (this.#finished.get(id) ?? 0) + 1)
      this.#settled.add(id)
      this.#last.set(lane, Math.max(last, record.offset))
    } finally {
      this.#noteLosses()
      if (this.#running.get(id) === run) this.#running.delete(id)
    }
  }

  #laneOf({ partition, key }: AnyRecord, id: string): string {
    const { ordering } = this
    if (ordering === 'partition') return `partition ${partition}`
    return ordering === 'key' && key !== null ? `key ${String(key)}` : id
  }

  #checkCommit(offsets: readonly { readonly partition: number; readonly offset: number }[]): void {
    for (const { partition, offset } of offsets) {
      for (const at of range(0, offset)) {
        if (!this.#settled.has(`${partition}@${at}`)) {
          this.wrong.push(`${offset} of partition ${partition} was committed before ${at} was finished`)
        }
      }
    }
  }

  // What was given up, and nothing else, once.
  #checkDeadLetters(): void {
    const letters = this.#broker.topic('orders.dlq').records().map(originOf)
    for (const id of letters) {
      if (this.#losses > 0) continue
      if (this.#finished.has(id)) this.wrong.push(`${id} was finished and given up`)
      if (letters.filter(each => each === id).length > 1) this.wrong.push(`${id} was given up twice`)
    }
  }

  #checkEnd(): void {
    const lag = this.#broker.group('g').lag()
    if (lag > 0) this.wrong.push(`${lag} records were never handled`)
    for (const { partition, offset } of this.#broker.topic('orders').records()) {
      if (!this.#settled.has(`${partition}@${offset}`)) this.wrong.push(`${partition}@${offset} was lost`)
    }
    this.#checkDeadLetters()
    if (this.#losses > 0) return
    for (const [id, times] of this.#finished)
      if (times > 1) this.wrong.push(`${id} was handled ${times} times`)
  }
}

function originOf({ headers }: AnyRecord): string {
  const named = headers as Record<string, string>
  return `${named['dead-letter.partition']}@${named['dead-letter.offset']}`
}

function place({ partition, offset }: { readonly partition: number; readonly offset: number }): string {
  return `${partition}@${offset}`
}

it('keeps order, commits only what is finished, loses nothing and repeats nothing but after a loss', async () => {
  await fc.assert(
    fc.asyncProperty(histories, async history => {
      expect(await new Model(history).run()).toEqual([])
    }),
    { numRuns: 150 },
  )
}, 60_000)
