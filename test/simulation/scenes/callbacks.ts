import { type Consumer, topic } from '../../../src/index.ts'
import { TestBroker } from '../../../src/testing/index.ts'
import { Lot } from '../../helpers/lot.ts'
import { FollowedCalls, planned } from '../followed-calls.ts'
import type { Scene } from '../scene.ts'

const topics = { orders: topic<number>({ partitions: 2 }), audit: topic<number>({ partitions: 1 }) }
const ownEvents = ['assigned', 'revoked', 'lost', 'retrying', 'restarting', 'skipped', 'closed'] as const
const events = ['groupCreated', 'groupDeleted', 'rebalanced', 'topicCreated', 'topicDeleted'] as const

/** Consumers whose handlers, hooks and listeners do something to a consumer or to the broker, as a seed decides. */
export class Callbacks implements Scene {
  readonly broker: TestBroker<typeof topics>
  readonly problems: string[] = []
  readonly #lot: Lot
  readonly #consumers: Consumer[] = []
  readonly #calls = new FollowedCalls(this.problems)
  readonly #over = new AbortController()
  readonly #ownActions: readonly (() => unknown)[] = [
    () => {
      throw planned
    },
    () => this.#start(),
    () => this.broker.clock.sleep(2000, { signal: this.#over.signal }).catch(() => {}),
    () => this.#lot.chance(0.1) && this.#closeBroker(),
  ]
  #actionsLeft = 80
  #closing = false

  constructor(seed: number) {
    this.#lot = new Lot(seed)
    this.broker = new TestBroker({ seed, topics })
    this.broker.on('error', () => {})
    this.broker.on('recordsDropped', () => {})
    for (const event of events) this.broker.on(event, () => this.#heard(event))
  }

  get transcript(): string {
    return String(this.broker.timeline)
  }

  async run(): Promise<void> {
    const producer = this.broker.producer()
    this.#start()
    for (let i = 0; i < 20 && !this.#closing; i++) {
      this.#calls.follow('send', () =>
        producer.send({ topic: this.#topic(), key: `k${this.#lot.below(3)}`, value: i }),
      )
      if (this.#lot.chance(0.25)) this.#start()
      await this.broker.advance(this.#lot.oneOf([0, 1, 100, 1500]))
    }
    this.#actionsLeft = 0
    this.#over.abort()
    await this.broker.close({ timeoutMs: 100 })
    // A broker that is closed by a handler looks now and then whether it has ended.
    for (let i = 0; i < 100 && this.#calls.size > 0; i++) await new Promise(resolve => setTimeout(resolve, 1))
    this.#calls.end(this.broker)
  }

  #topic(): 'orders' | 'audit' {
    return this.#lot.oneOf(['orders', 'orders', 'audit'])
  }

  #start(): void {
    if (this.#consumers.length === 8) return
    const lot = this.#lot
    const name = `c${this.#consumers.length + 1}`
    this.#calls.follow(`${name} begins`, () => {
      const consumer: Consumer = this.broker.consumer({
        groupId: lot.oneOf(['g1', 'g1', 'g2']),
        clientId: name,
        topics: lot.oneOf([['orders'], ['orders', 'audit']]),
        maxPollRecords: lot.oneOf([1, 2, 500]),
        autoCommit: lot.chance(0.85),
        sessionTimeoutMs: 1000,
        maxPollIntervalMs: 3000,
        ...(lot.chance(0.2) && { groupInstanceId: lot.oneOf(['s1', 's2']) }),
        onAssigned: () => this.#act(`${name}.onAssigned`, consumer),
        onRevoked: () => this.#act(`${name}.onRevoked`, consumer),
        onLost: () => this.#act(`${name}.onLost`, consumer),
      }) as unknown as Consumer
      this.#consumers.push(consumer)
      consumer.on('error', () => {})
      for (const event of ownEvents) consumer.on(event, () => this.#heard(`${name} ${event}`, consumer))
      return this.#consume(name, consumer)
    })
  }

  async #consume(name: string, consumer: Consumer): Promise<void> {
    const eachRecord = () => this.#act(`${name}.eachRecord`, consumer)
    const retry = { attempts: 2, retryable: () => this.#heard(`${name}.retryable`, consumer) }
    const onFailure = this.#lot.oneOf(['restart', 'stop', 'skip'] as const)
    switch (this.#lot.oneOf(['run', 'by key', 'batches', 'loop', 'poll'])) {
      case 'run':
        return consumer.run({ eachRecord, retry, onFailure })
      case 'by key':
        return consumer.run({ eachRecord, retry, onFailure, concurrency: 3, ordering: 'key' })
      case 'batches':
        return consumer.run({ eachBatch: () => this.#act(`${name}.eachBatch`, consumer), retry, onFailure })
      case 'loop':
        for await (const _ of consumer) await this.#act(`${name}'s loop`, consumer)
        return
      case 'poll':
        for (let i = 0; i < 20; i++) {
          await consumer.poll({ timeoutMs: 100 })
          await this.#act(`${name}'s poll`, consumer)
        }
        return void (await consumer.close({ timeoutMs: 100 }))
    }
  }

  #closeBroker(): Promise<void> {
    this.#closing = true
    return this.#calls.follow('closing the broker', () => this.broker.close({ timeoutMs: 500 }))
  }

  // A listener throws nothing, and nobody awaits it.
  #heard(where: string, consumer = this.#lot.oneOf(this.#consumers)): true {
    if (consumer !== undefined) void this.#calls.follow(where, () => this.#act(where, consumer))
    return true
  }

  #act(where: string, own: Consumer): unknown {
    const lot = this.#lot
    if (this.#actionsLeft <= 0 || lot.chance(0.4)) return undefined
    this.#actionsLeft--
    const consumer = lot.chance(0.7) ? own : lot.oneOf(this.#consumers)
    if (lot.chance(0.15)) return lot.oneOf(this.#ownActions)()
    const [what, action] = lot.oneOf(Object.entries(actions))
    const followed = this.#calls.follow(`${what} in ${where}`, () =>
      action(this.broker, consumer, this.#topic(), lot),
    )
    return lot.chance(0.4) ? followed : undefined
  }
}

type Action = (broker: TestBroker<typeof topics>, consumer: Consumer, topic: string, lot: Lot) => unknown

const actions: Record<string, Action> = {
  close: (_, consumer) => consumer.close({ timeoutMs: 1000 }),
  'close at once': (_, consumer) => consumer.close({ timeoutMs: 0 }),
  drain: (_, consumer) => consumer.close({ drain: true, timeoutMs: 1000 }),
  crash: (broker, consumer) => broker.crash(consumer as never),
  ready: (_, consumer) => consumer.ready(),
  'catch up': (_, consumer) => consumer.caughtUp({ timeoutMs: 500 }),
  commit: (_, consumer) => consumer.commit(),
  seek: (_, consumer, name, lot) =>
    consumer.seek({ topic: name, partition: 0 }, lot.oneOf(['beginning', 'end', 2])),
  pause: (_, consumer) => consumer.pause(),
  resume: (_, consumer) => consumer.resume(),
  subscribe: (_, consumer, name) => consumer.subscribe([name]),
  'delete the topic': (broker, _, name) => broker.deleteTopic(name as 'orders'),
  'make the topic': (broker, _, name) => broker.createTopic(name, { partitions: 2 }),
  'add a partition': (broker, _, name) => {
    const log = broker.topics.get(name)
    log?.addPartitions(log.partitions.length + 1)
  },
  'delete records': (broker, _, name) =>
    broker.admin.deleteRecords([{ topic: name, partition: 0, offset: 1 }]),
  'set offsets': (broker, _, name) =>
    broker.admin.setGroupOffsets('g1', [{ topic: name, partition: 0, offset: 0 }]),
  'delete the group': broker => broker.admin.deleteGroup('g1'),
  redeliver: (broker, _, name) => broker.redeliver({ group: 'g1', topic: name, partition: 0, offset: 0 }),
  send: (broker, _, name) => broker.producer().send({ topic: name as 'orders', key: 'k1', value: -1 }),
}
