import { setImmediate } from 'node:timers/promises'
import { TestBroker } from '../../../src/testing/index.ts'
import { Lot } from '../../helpers/lot.ts'
import type { Scene } from '../scene.ts'
import { ToldConsumer, toldTopics } from '../told-consumer.ts'

const answeredTogether = [
  ['join', 'subscribe', 'release', 'leave', 'commit', 'committed'],
  ['offsets'],
] as const

/** A consumer that is told what to read, in virtual time. */
export class ToldScene implements Scene {
  readonly #broker: TestBroker
  readonly #consumer: ToldConsumer

  constructor(seed: number) {
    this.#broker = new TestBroker({ seed, topics: toldTopics }) as unknown as TestBroker
    this.#slow(new Lot(seed + 1))
    const ground = { place: this.#broker, pass: (ms: number) => this.#broker.advance(ms) }
    this.#consumer = new ToldConsumer(ground, seed)
  }

  // As long for all that a group is told: a consumer's calls come to it in their order.
  #slow(lot: Lot): void {
    if (lot.chance(0.5)) return
    for (const operations of answeredTogether) {
      const ms = lot.oneOf([0, 0, 1, 30])
      if (lot.chance(0.7))
        for (const operation of operations) this.#broker.faults.delay({ operation }, ms, { always: true })
    }
  }

  get problems(): string[] {
    return this.#consumer.problems
  }

  get transcript(): string {
    return `${this.#consumer.transcript}\n\n${this.#broker.timeline}`
  }

  async run(): Promise<void> {
    await this.#consumer.run()
    await this.#broker.close()
    await setImmediate()
    this.#consumer.end(this.#broker)
  }
}
