import { writeBatch } from '../../../src/server/protocol/record-batch.ts'
import type { Talk } from './talk.ts'

/** Administrators who look at the directories of logs, and move logs to where they are, or to nowhere. */
export class LogDirs {
  readonly #talk: Talk
  readonly #topics: readonly string[]
  #own = ''

  constructor(talk: Talk) {
    this.#talk = talk
    this.#topics = ['a', 'b'].map(each => `${talk.name}-${each}`)
  }

  async converse(steps: number): Promise<void> {
    const talk = this.#talk
    for (const name of this.#topics) {
      const topic = { name, numPartitions: 2, replicationFactor: 1, assignments: [], configs: [] }
      await talk.ask('createTopics', 7, { topics: [topic] })
    }
    await talk.settled()
    const { results } = await talk.ask('describeLogDirs', 1, { topics: [] })
    this.#own = results[0].logDir
    for (let i = 0; i < steps; i++) {
      const dice = talk.below(100)
      if (dice < 25) await this.#produce()
      else if (dice < 75) await this.#describe()
      else await this.#move()
    }
  }

  async #produce(): Promise<void> {
    const talk = this.#talk
    const [name, index] = [talk.oneOf(this.#topics), talk.below(2)]
    const value = Buffer.alloc(1 + talk.below(200))
    const records = Array.from({ length: 1 + talk.below(4) }, (_, offset) => ({
      offset,
      timestamp: Date.now(),
      key: null,
      value,
      headers: [],
    }))
    const topicData = [{ name, partitionData: [{ index, records: [writeBatch(records)] }] }]
    const { responses } = await talk.ask('produce', 9, { acks: -1, topicData })
    talk.tell(
      `${records.length} of ${value.length} to ${name}-${index}`,
      responses[0].partitionResponses[0].errorCode,
    )
  }

  #topic(): string {
    return this.#talk.oneOf([
      ...this.#topics,
      ...this.#topics,
      `${this.#talk.name}-nowhere`,
      'a b',
      '',
      'x'.repeat(213),
    ])
  }

  #partitions(): number[] {
    return this.#talk.oneOf([[0], [1], [0, 1], [0, 0], [2], [-1], [1, 7], []])
  }

  async #describe(): Promise<void> {
    const talk = this.#talk
    const version = 1 + talk.below(5)
    const topics = talk.oneOf([
      null,
      [],
      talk.some(() => ({ topic: this.#topic(), partitions: this.#partitions() })),
      talk.some(() => ({ topic: this.#topic(), partitions: this.#partitions() })),
    ])
    const answer = await talk.ask('describeLogDirs', version, { topics })
    for (const each of answer.results) {
      each.logDir = each.logDir === this.#own ? 'own' : 'another'
      each.topics = each.topics.filter(
        ({ name }: any) => name.startsWith(`${talk.name}-`) && !name.endsWith('settled'),
      )
      // There is no disk here whose size could be told.
      for (const size of ['totalBytes', 'usableBytes']) each[size] = 0
    }
    talk.tell(`describe v${version} ${JSON.stringify(topics)}`, talk.shown(answer))
  }

  async #move(): Promise<void> {
    const talk = this.#talk
    const version = 1 + talk.below(2)
    const dirs = talk.some(() => ({
      path: talk.oneOf(['own', 'own', '/not/there', 'relative', '']),
      topics: talk.some(() => ({ name: this.#topic(), partitions: this.#partitions() })),
    }))
    const asked = dirs.map(each => (each.path === 'own' ? { ...each, path: this.#own } : each))
    const answer = await talk.ask('alterReplicaLogDirs', version, { dirs: asked })
    talk.tell(`move v${version} ${JSON.stringify(dirs)}`, talk.shown(answer))
  }
}
