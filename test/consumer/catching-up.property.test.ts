import { expect, it } from 'vitest'
import type { AnyRecord, Batch, Consumer, RunOptions } from '../../src/index.ts'
import { at, fill, range } from '../helpers/behaviours.ts'
import { Lot, seeds } from '../helpers/lot.ts'
import { orders0 } from '../helpers/orders.ts'
import { testBroker } from '../helpers/test-broker.ts'

/** A consumer whose handlers fail, take too long, and whose hooks take their time; it has the topic for itself. */
class Scene {
  readonly lot: Lot
  readonly broker: ReturnType<typeof testBroker>['broker']
  readonly clock: ReturnType<typeof testBroker>['clock']
  readonly handled = new Set<string>()
  readonly consumer: Consumer
  failing = 0.1
  removed = false

  constructor(seed: number) {
    this.lot = new Lot(seed)
    const { broker, clock } = testBroker()
    this.broker = broker
    this.clock = clock
    broker.createTopic('orders', { partitions: 2 })
    this.send(this.lot.below(30))
    const wait = async () => {
      if (this.lot.chance(0.3)) await broker.clock.sleep(this.lot.below(100))
    }
    this.consumer = broker.consumer({
      ...(this.lot.chance(0.5) && { groupId: 'g' }),
      topics: ['orders'],
      maxPollIntervalMs: 200,
      maxPollRecords: 1 + this.lot.below(9),
      onAssigned: wait,
      onRevoked: wait,
    })
    this.consumer.on('lost', () => {
      this.removed = true
    })
    void this.consumer.run(this.#options())
  }

  #options(): RunOptions {
    const { lot } = this
    const common = { concurrency: 1 + lot.below(3), retry: { attempts: 1 + lot.below(2), delayMs: 20 } }
    if (lot.chance(0.3)) {
      const batch = { maxRecords: 1 + lot.below(5), lingerMs: lot.oneOf([0, 20]) }
      return { ...common, batch, eachBatch: (each: Batch) => this.#handle(each.records) }
    }
    const ordering = lot.oneOf(['partition', 'key', 'none'] as const)
    return { ...common, ordering, eachRecord: record => this.#handle([record]) }
  }

  async #handle(records: readonly AnyRecord[]): Promise<void> {
    const { lot, clock, broker } = this
    if (lot.chance(0.6)) await broker.clock.sleep(lot.below(20))
    if (lot.chance(this.failing * 0.2)) await broker.clock.sleep(250)
    if (lot.chance(this.failing)) throw new Error(`boom at ${clock.monotonic()}`)
    for (const record of records) this.handled.add(at(record))
  }

  send(count: number): void {
    for (const _ of range(0, count)) fill(this.broker, 'orders', 1, this.lot.below(2))
  }

  /** What there is now. */
  get sent(): string[] {
    return this.broker
      .topic('orders')
      .partitions.flatMap(({ index, highWatermark }) =>
        range(0, highWatermark).map(offset => at({ ...orders0, partition: index, offset })),
      )
  }

  missing(of: readonly string[]): string[] {
    return of.filter(each => !this.handled.has(each))
  }
}

it.each(seeds(150))(
  'has caught up with all that was there, whatever happens meanwhile: seed %i',
  async seed => {
    const scene = new Scene(seed)
    const { lot, clock, consumer } = scene
    const missing: string[][] = []
    let waits = 0
    for (let step = 0; step < 15; step++) {
      const what = lot.below(6)
      if (what < 2) scene.send(lot.below(5))
      else if (what < 4) {
        const { sent } = scene
        waits++
        consumer.caughtUp().then(() => missing.push(scene.missing(sent)))
      } else await clock.advance(lot.below(150))
    }
    scene.failing = 0
    await clock.advance(100_000)
    expect(missing).toEqual(range(0, waits).map(() => []))
  },
)

it.each(seeds(150))('drains all that was there, unless it is removed: seed %i', async seed => {
  const scene = new Scene(seed)
  const { lot, clock, consumer } = scene
  await clock.advance(lot.below(3000))
  scene.send(lot.below(5))
  scene.failing = lot.oneOf([0, 0.02])
  scene.removed = false
  const { sent } = scene
  let left: number | undefined
  void consumer.close({ drain: true, timeoutMs: 300_000 }).then(unread => {
    left = unread.length
  })
  await clock.advance(300_000)
  expect(left).toBeDefined()
  if (!scene.removed) expect([left, scene.missing(sent)]).toEqual([0, []])
})
