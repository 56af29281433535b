import { setImmediate } from 'node:timers/promises'
import { TestBroker } from '../../../src/testing/index.ts'
import type { Scene } from '../scene.ts'
import { ToldConsumer, toldTopics } from '../told-consumer.ts'

/** A consumer that is told what to read, in virtual time. */
export class ToldScene implements Scene {
  readonly #broker: TestBroker
  readonly #consumer: ToldConsumer

  constructor(seed: number) {
    this.#broker = new TestBroker({ seed, topics: toldTopics }) as unknown as TestBroker
    const ground = { place: this.#broker, pass: (ms: number) => this.#broker.advance(ms) }
    this.#consumer = new ToldConsumer(ground, seed)
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
