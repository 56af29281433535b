import type { PubSub } from 'brokerlet'
import { readAlerts, startAlerts } from './alerts.ts'
import { startArchive } from './archive.ts'
import type { Counts } from './counts.ts'
import { startStatistics } from './statistics.ts'
import type { FlightTopics } from './topics.ts'

/** All groups and their consumers, and the failures and joins while they work. */
export class Readers {
  readonly #pubsub: PubSub<FlightTopics>
  readonly #counts: Counts
  readonly #say: (text: string) => void
  #failNext = false

  constructor(pubsub: PubSub<FlightTopics>, counts: Counts, say: (text: string) => void) {
    this.#pubsub = pubsub
    this.#counts = counts
    this.#say = say
  }

  async start(): Promise<void> {
    await this.#addStatistics('statistics-1')
    await this.#addStatistics('statistics-2', () => this.#fail())
    await this.#addStatistics('statistics-3')
    await startAlerts(this.#pubsub, this.#counts.alerts)
    await startArchive(this.#pubsub, this.#counts.archive)
    void readAlerts(this.#pubsub, this.#counts.desk)
  }

  breakOne(): void {
    this.#say('statistics-2 will fail at its next flight')
    this.#failNext = true
  }

  async addOne(): Promise<void> {
    this.#say('statistics-4 joins')
    await this.#addStatistics('statistics-4')
  }

  #fail(): void {
    if (!this.#failNext) return
    this.#failNext = false
    throw new Error('out of paper')
  }

  async #addStatistics(clientId: string, beforeCounting?: () => void): Promise<void> {
    const { table } = this.#counts
    const onCrash = (where: string, cause: unknown) =>
      this.#say(`${clientId} has stopped at ${where}, the others go on from there: ${cause}`)
    await startStatistics(this.#pubsub, { clientId, table, beforeCounting, onCrash })
  }
}
