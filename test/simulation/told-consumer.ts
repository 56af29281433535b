import { type AnyRecord, type Consumer, type OpenTopics, type PubSub, topic } from '../../src/index.ts'
import type { TestBroker } from '../../src/testing/index.ts'
import { Lot } from '../helpers/lot.ts'
import { FollowedCalls, planned } from './followed-calls.ts'

const partitions = { one: 1, two: 2, three: 3, dead: 1 } as const
type Name = keyof typeof partitions
const names = Object.keys(partitions) as Name[]
/** Where records may wait for another attempt. */
const later = 'later'

/** The topics that a told consumer may be told to read. */
export const toldTopics = Object.fromEntries([
  ...names.map(name => [name, topic<number>({ partitions: partitions[name] })]),
  [later, topic<number>({ partitions: 1 })],
])

/** Where a consumer is: in this process, or connected to a cluster. */
export interface Ground {
  readonly place: PubSub<OpenTopics>
  /** Lets this many milliseconds pass. */
  pass(ms: number): Promise<void>
}

const quiet = ['retrying', 'skipped', 'delayed', 'deadLettered', 'error'] as const

/** What it was told to read, and whether that was granted. */
interface Told {
  readonly what: string
  readonly reads: readonly string[] | undefined
  granted?: boolean
}

// A call that is not answered within this time, in milliseconds, never is.
const patienceMs = 60_000

/**
 * A consumer that is told what to read, to seek, pause, commit, run and wait, several of it in one turn, as a seed decides.
 * Whatever came between, every call is answered, and once it is ready it reads what it was told last of what was
 * granted, and nothing else.
 */
export class ToldConsumer {
  readonly problems: string[] = []
  readonly #lines: string[] = []
  readonly #ground: Ground
  readonly #lot: Lot
  readonly #calls = new FollowedCalls(this.problems, line => this.#lines.push(line))
  readonly #got = new Map<number, string>()
  readonly #kind: 'member' | 'reader' | 'manual'
  readonly #polls: boolean
  readonly #groupId: string
  #consumer!: Consumer
  #rival: Consumer | undefined
  #runs = false
  #retriesLater = false
  #reads: readonly string[] | undefined
  #joined = false
  #restarts = false
  #over = false
  #told: Told[] = []
  #sent = 0
  #healed = false

  constructor(ground: Ground, seed: number) {
    this.#ground = ground
    this.#lot = new Lot(seed)
    this.#groupId = `told-${seed}`
    this.#kind = this.#lot.oneOf(['member', 'member', 'reader', 'manual'] as const)
    this.#polls = this.#lot.chance(0.4)
  }

  get transcript(): string {
    return this.#lines.join('\n')
  }

  async run(): Promise<void> {
    this.#begin()
    for (let round = 0; round < 4 && !this.#over && this.problems.length === 0; round++) await this.#round()
    await this.#answered(this.#calls.follow('close', () => this.#consumer.close({ timeoutMs: 1000 })))
    await this.#answered(this.#calls.follow('done', () => this.#consumer.done))
  }

  /** Notes as problems what it leaves behind in a closed broker. */
  end(broker: Pick<TestBroker, 'pendingTimers'>): void {
    this.#calls.end(broker)
  }

  #begin(): void {
    const lot = this.#lot
    const first = this.#draw()
    const begins = first.reads !== undefined && lot.chance(0.8)
    const read = begins ? first.given : this.#kind === 'manual' ? [] : undefined
    this.#reads = begins ? first.reads : this.#kind === 'manual' ? [] : undefined
    const grouped = this.#kind === 'member' || (this.#kind === 'manual' && lot.chance(0.5))
    const options = {
      ...(this.#kind === 'manual' ? { assign: read } : read !== undefined && { topics: read }),
      ...(grouped && { groupId: this.#groupId }),
      autoOffsetReset: 'earliest',
      maxPollRecords: lot.oneOf([1, 3, 500]),
      clientId: 'told',
    }
    this.#lines.push(`begins: ${JSON.stringify(options, textOf)}`)
    this.#consumer = this.#ground.place.consumer(options as never) as unknown as Consumer
    this.#consumer.on('restarting', () => {
      this.#restarts = true
    })
    for (const event of quiet) this.#consumer.on(event, () => {})
  }

  async #round(): Promise<void> {
    const lot = this.#lot
    this.#told = []
    this.#restarts = false
    for (let i = 1 + lot.below(6); i > 0; i--) {
      this.#act()
      if (lot.chance(0.3)) await this.#ground.pass(lot.oneOf([0, 0, 1, 20, 300]))
    }
    this.#healed = true
    await this.#answered(...this.#calls.underWay)
    const { granted, reads } = this.#told.findLast(told => told.granted) ?? {}
    if (granted) this.#reads = reads
    const noted = this.#told.find(told => told.granted && told.reads === undefined)
    // While it restarts that is only noted; what becomes of it then is not asked here.
    if (noted !== undefined && this.#restarts) this.#over = true
    else if (noted !== undefined && this.#joined) this.problems.push(`${noted.what} is granted`)
    await this.#probe()
    this.#healed = false
  }

  // --- what is done -------------------------------------------------------------------------------------------------

  #act(): void {
    const consumer = this.#consumer
    const lot = this.#lot
    const tp = { topic: lot.oneOf(names) as string, partition: lot.below(2) }
    const to = lot.oneOf([0, 1, 'beginning', { timestamp: 0 }] as const)
    const some = lot.chance(0.5) ? [tp] : undefined
    const acts: Readonly<Record<string, () => unknown>> = {
      [`seek ${tp.topic}-${tp.partition} ${JSON.stringify(to)}`]: () => consumer.seek(tp, to),
      [`pause ${JSON.stringify(some)}`]: () => consumer.pause(some),
      [`resume ${JSON.stringify(some)}`]: () => consumer.resume(some),
      commit: () => consumer.commit(),
      ready: () => consumer.ready(),
      'catch up': () => consumer.caughtUp({ timeoutMs: 300 }),
      send: () => this.#send(tp),
      rival: () => this.#toggleRival(),
    }
    const kind = lot.below(10)
    if (kind < 4) return this.#tell()
    if (kind < 6) return this.#consume()
    const [what, act] = lot.oneOf(Object.entries(acts))
    void this.#calls.follow(what, act)
  }

  #tell(): void {
    const { given, reads, what } = this.#draw()
    const told: Told = { what, reads }
    this.#told.push(told)
    void this.#calls.follow(what, async () => {
      if (this.#kind === 'manual') await this.#consumer.assign(given as never)
      else await this.#consumer.subscribe(given as never)
      told.granted = true
    })
  }

  /** What it may be told, and the partitions that it reads then; undefined if it must be refused. */
  #draw(): { what: string; given: unknown; reads: readonly string[] | undefined } {
    const lot = this.#lot
    const chosen: string[] = names.filter(() => lot.chance(0.4))
    if (this.#kind === 'manual') {
      const given = chosen.map(name => ({ topic: name, partition: lot.below(partitions[name as Name]) }))
      const wrong =
        lot.chance(0.25) &&
        lot.oneOf([
          { topic: 'missing', partition: 0 },
          { topic: 'one', partition: 7 },
        ])
      if (wrong) given.push(wrong)
      const reads = wrong ? undefined : given.map(tp => `${tp.topic}-${tp.partition}`)
      return { what: `assign ${JSON.stringify(given)}`, given, reads }
    }
    if (lot.chance(0.25)) {
      const given = [...chosen, 'missing']
      return { what: `subscribe ${given}`, given, reads: undefined }
    }
    if (lot.chance(0.2)) {
      const given = lot.oneOf([/^t/, [/^one$/, /^thr/], /none/])
      const matched = names.filter(name => [given].flat().some(pattern => pattern.test(name)))
      return { what: `subscribe ${given}`, given, reads: partitionsOf(matched) }
    }
    if (lot.chance(0.1)) chosen.push(later)
    return { what: `subscribe ${chosen}`, given: chosen, reads: partitionsOf(chosen) }
  }

  #consume(): void {
    if (this.#polls) {
      const timeoutMs = this.#lot.oneOf([0, 50])
      void this.#calls.follow('poll', async () => this.#take(await this.#consumer.poll({ timeoutMs })))
      return
    }
    void this.#run(this.#lot.chance(0.4), this.#kind === 'member' && this.#lot.chance(0.4))
  }

  #run(withDeadLetters: boolean, retriesLater: boolean): Promise<void> {
    const lot = this.#lot
    const what = `run${withDeadLetters ? ' with dead letters' : ''}${retriesLater ? ' and retry topics' : ''}`
    return this.#calls.follow(what, async () => {
      if (this.#runs) return
      await this.#consumer.run({
        eachRecord: (record: AnyRecord) => {
          if (!this.#healed && lot.chance(0.2)) throw planned
          this.#take([record])
        },
        retry: {
          attempts: lot.oneOf([1, 2]),
          delayMs: 10,
          ...(retriesLater && { topics: [{ topic: later, delayMs: 20 }] }),
        },
        onFailure: withDeadLetters ? { deadLetter: 'dead' } : lot.oneOf(['skip', 'restart']),
      } as never)
      this.#runs = true
      this.#retriesLater = retriesLater
    })
  }

  async #toggleRival(): Promise<void> {
    const rival = this.#rival
    if (rival !== undefined) {
      this.#rival = undefined
      await rival.close({ timeoutMs: 1000 })
      return
    }
    if (this.#kind !== 'member') return
    const options = { groupId: this.#groupId, topics: ['one', 'two', 'three'], autoOffsetReset: 'earliest' }
    this.#rival = this.#ground.place.consumer(options as never) as unknown as Consumer
    await this.#rival.run({ eachRecord: () => {} })
  }

  async #send(tp: { topic: string; partition: number }): Promise<number> {
    const value = ++this.#sent
    await this.#ground.place.producer().send({ ...tp, value })
    return value
  }

  #take(records: readonly AnyRecord[]): void {
    for (const { value, topic: name, partition } of records)
      this.#got.set(value as number, `${name}-${partition}`)
  }

  // --- what has to hold ---------------------------------------------------------------------------------------------

  async #probe(): Promise<void> {
    if (this.#over || this.problems.length > 0) return
    if (this.#rival !== undefined)
      await this.#answered(this.#calls.follow('rival', () => this.#toggleRival()))
    // It may have dead letters of what it does not read, also where it was refused to read that.
    if (!this.#polls && !this.#runs)
      await this.#answered(this.#run(this.#reads?.includes('dead-0') === false, false))
    let ready = false
    const asked = async () => {
      await this.#consumer.ready()
      ready = true
    }
    await this.#answered(this.#calls.follow('ready before the probe', asked))
    if (ready !== (this.#reads !== undefined))
      this.problems.push(ready ? 'ready to read what is not there' : 'not ready')
    const { problems } = this
    if (problems.length > 0 || this.#reads === undefined) return
    const reads = this.#reads
    this.#joined = true
    if (this.#retriesLater && reads.includes('later-0')) problems.push('reads its own retry topic')
    await this.#answered(this.#calls.follow('resume', () => this.#consumer.resume()))
    this.#lines.push(`reads ${this.#reads}`)
    const probes = new Map<number, string>()
    for (const place of new Set([...partitionsOf(names), ...reads])) {
      const [name, partition] = place.split('-') as [string, string]
      probes.set(await this.#send({ topic: name, partition: Number(partition) }), place)
    }
    const missing = () =>
      [...probes].filter(([value, place]) => reads.includes(place) && !this.#got.has(value))
    for (let waited = 0; missing().length > 0 && waited < patienceMs; waited += 50) await this.#pass(50)
    for (let i = 0; i < 2; i++) await this.#pass(50)
    for (const [, place] of missing()) problems.push(`${place} is not read`)
    for (const [value, place] of probes)
      if (this.#got.has(value) && !reads.includes(place))
        this.problems.push(`${place} is read, against orders`)
  }

  // One that polls gives a partition up when it polls again.
  async #pass(ms: number): Promise<void> {
    if (!this.#polls) return this.#ground.pass(ms)
    const polled = this.#calls.follow('poll', async () =>
      this.#take(await this.#consumer.poll({ timeoutMs: ms })),
    )
    while (this.#calls.underWay.includes(polled)) await this.#ground.pass(ms)
  }

  /** Notes as a problem any of these calls that is not answered. */
  async #answered(...calls: readonly Promise<void>[]): Promise<void> {
    const waits = () => calls.some(call => this.#calls.underWay.includes(call))
    for (let waited = 0; waits() && waited < patienceMs; waited += 20) await this.#pass(20)
    this.#calls.demand(calls)
  }
}

function partitionsOf(topics: readonly string[]): string[] {
  return topics.flatMap(name =>
    Array.from({ length: partitions[name as Name] ?? 1 }, (_, partition) => `${name}-${partition}`),
  )
}

function textOf(_: string, value: unknown): unknown {
  return value instanceof RegExp ? String(value) : value
}
