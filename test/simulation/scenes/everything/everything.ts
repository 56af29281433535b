import type { Consumer } from '../../../../src/consumer/consumer.ts'
import { isBrokerletError, json } from '../../../../src/index.ts'
import { TestBroker } from '../../../../src/testing/index.ts'
import { Lot } from '../../../helpers/lot.ts'
import type { Scene } from '../../scene.ts'
import { Audit } from './audit.ts'
import { drawGroups, isolationLevels } from './draws.ts'
import { Follower } from './follower.ts'
import { Ledger } from './ledger.ts'
import { type Manner, Member } from './member.ts'
import { Producers } from './producers.ts'
import { type GroupOptions, Readers } from './readers.ts'
import { Topics } from './topics.ts'

interface Group {
  readonly readers: Readers
  readonly manner: Manner
}

/** Everything at once on one broker, as a seed decides. */
export class Everything implements Scene {
  readonly problems: string[] = []
  readonly lot: Lot
  readonly broker: TestBroker
  readonly ledger: Ledger
  readonly topics: Topics
  readonly producers = new Producers(this)
  readonly audit = new Audit(this)
  readonly groups: readonly Group[]
  /** The group that is polled within the transactions of another one. */
  readonly polling: Readers
  /** Whether nothing fails any more. */
  healed = false
  readonly #members: Member[] = []
  readonly #unsettled = new Set<string>()
  #followers = 0
  #calls = 0

  constructor(seed: number) {
    const lot = new Lot(seed)
    this.lot = lot
    this.ledger = new Ledger(this.report, () => this.broker.now)
    this.broker = new TestBroker({
      seed,
      ...(lot.chance(0.4) && { maxRecords: lot.oneOf([40, 80]) }),
      ...(lot.chance(0.3) && { codec: json }),
    })
    this.broker.on('error', () => {})
    this.broker.on('recordsDropped', event => {
      const { id } = this.broker.topic(event.topic)
      for (const { readers } of this.groups) readers.dropped(id, event)
    })
    this.groups = drawGroups(lot).map(({ options, manner }) => ({ readers: this.#readers(options), manner }))
    this.polling = this.#readers({
      groupId: 'd',
      topics: ['table', 'out'],
      isolationLevel: 'read_committed',
      ordering: 'partition',
    })
    this.topics = new Topics(this)
  }

  get transcript(): string {
    return String(this.broker.timeline)
  }

  readonly report = (problem: string): void => {
    if (!this.problems.includes(problem)) this.problems.push(problem)
  }

  /** A call ends, at the latest with the broker; what it rejects with is an error of ours. */
  follow<T>(what: string, call: Promise<T>): Promise<T> {
    const name = `${what} (${++this.#calls})`
    this.#unsettled.add(name)
    call.then(
      () => this.#unsettled.delete(name),
      error => {
        this.#unsettled.delete(name)
        if (!isBrokerletError(error) && error.message !== 'planned') this.report(`${name}: ${error.stack}`)
      },
    )
    return call
  }

  async run(): Promise<void> {
    for (const group of this.groups) this.#join(group)
    await this.broker.advance(0)
    const steps = this.lot.oneOf([20, 60])
    for (let step = 0; step < steps && this.problems.length === 0; step++) {
      await this.#step()
      this.audit.step()
    }
    if (this.problems.length === 0) await this.#heal()
    await this.#close()
  }

  async #step(): Promise<void> {
    const { lot, topics, producers } = this
    const step = lot.below(100)
    if (step < 32) producers.send()
    else if (step < 44) producers.writeSome()
    else if (step < 50) this.#join(lot.oneOf(this.groups))
    else if (step < 53) this.#member()?.crash()
    else if (step < 56) this.#leave()
    else if (step < 58) this.#seeker()?.seek()
    else if (step < 60) this.#member()?.consumer.pause()
    else if (step < 62) this.#member()?.consumer.resume()
    else if (step < 65) topics.deleteRecords()
    else if (step < 69) await topics.compact()
    else if (step < 72) topics.delete()
    else if (step < 74) topics.addPartitions()
    else if (step < 76) topics.alter()
    else if (step < 79) this.#redrive()
    else if (step < 81) this.#read()
    else if (step < 83) void this.#commitFromOutside()
    await this.broker.advance(lot.oneOf([0, 0, 1, 10, 50, 200, 1000, 3000]))
  }

  #readers(options: GroupOptions): Readers {
    return new Readers(options, this.ledger, this.report)
  }

  #join({ readers, manner }: Group): void {
    if (this.#members.filter(member => member.alive && member.readers === readers).length >= 3) return
    const member = new Member(this, `${readers.options.groupId}${this.#members.length}`, readers, manner)
    this.#members.push(member)
    member.start()
  }

  #live(): Member[] {
    return this.#members.filter(({ alive }) => alive)
  }

  #member(): Member | undefined {
    return this.lot.oneOf(this.#live())
  }

  // A seek makes a group read again, which would be twice for transactions.
  #seeker(): Member | undefined {
    return this.lot.oneOf(this.#live().filter(({ readers }) => readers.options.groupId !== 'b'))
  }

  #leave(): void {
    const member = this.#member()
    const options = this.lot.oneOf([
      {},
      { timeoutMs: 0 },
      { timeoutMs: 100 },
      { drain: true, timeoutMs: 2000 },
    ])
    if (member) this.follow(`close of ${member.name}`, member.consumer.close(options)).catch(() => {})
  }

  #redrive(): void {
    const { lot } = this
    const options = lot.oneOf([{}, {}, { maxRecords: 2 }, { filter: () => lot.chance(0.5) }])
    this.follow('redrive', this.broker.redrive({ from: 'letters', ...options })).catch(() => {})
  }

  // A reader of partitions of its own choice, which it changes while it reads.
  #read(): void {
    const { lot, broker } = this
    const topic = this.topics.one()
    if (topic === undefined) return
    const follower = new Follower(this, `f${this.#followers++}`, lot.oneOf(isolationLevels), topic)
    void broker.clock.sleep(lot.oneOf([0, 500, 3000])).then(() => follower.change())
  }

  // Nobody commits for a group but its members, while there are any.
  async #commitFromOutside(): Promise<void> {
    const { lot, broker } = this
    const { groupId } = lot.oneOf(this.groups).readers.options
    const log = broker.topics.get('orders')?.partitions[0]
    if (log === undefined) return
    const tp = { topic: 'orders', partition: 0 }
    const outside = broker.consumer({
      groupId,
      assign: [tp],
      autoCommit: false,
    } as never) as unknown as Consumer
    outside.on('error', () => {})
    const commit = async () => {
      await outside.ready()
      const members = broker.groups.get(groupId)?.members.length ?? 0
      if (members === 0) return
      await outside.commit([{ ...tp, offset: log.logStartOffset }])
      this.report(`a consumer outside commits for ${groupId}, which has ${members} members`)
    }
    await this.follow('commit from outside', commit()).catch(() => {})
    await this.follow('close of a consumer outside', outside.close())
  }

  async #heal(): Promise<void> {
    this.healed = true
    for (const member of this.#members) void member.endPolling()
    this.topics.restore()
    for (const { consumer } of this.#live()) consumer.resume()
    for (const group of this.groups) this.#join(group)
    await this.#rest()
    await this.#redriveAll()
    this.audit.end()
  }

  async #rest(): Promise<void> {
    try {
      await this.broker.advanceUntilIdle()
    } catch (error) {
      this.report(`not idle: ${error}`)
    }
  }

  // What was sent back is not sent back a second time, where there was room for all of it.
  async #redriveAll(): Promise<void> {
    let refused = false
    for (const again of [false, true]) {
      const sentBack = (count: number) => {
        if (again && !refused && count > 0) this.report(`${count} dead letters are sent back again`)
      }
      const call = this.follow('redrive', this.broker.redrive({ from: 'letters' }))
      call.then(sentBack, () => {
        refused = true
      })
      await this.#rest()
    }
  }

  async #close(): Promise<void> {
    await this.broker.close({ timeoutMs: 100 })
    await this.broker.advance(300_000)
    if (this.problems.length > 0) return
    for (const what of this.#unsettled) this.report(`never ends: ${what}`)
    for (const timer of this.broker.pendingTimers) this.report(`timer left: ${timer}`)
  }
}
