import { writeBatch } from '../../../src/server/protocol/record-batch.ts'
import type { Talk } from './talk.ts'
import { Transactional } from './transactional.ts'

// Recent, so that nothing is too old, and the same for both.
const now = Date.now() - 1_000_000
const latestWritten = now + 100_000
const maxTimestamp = -3

/** Clients that look up offsets of a log by name, by time and by epoch, while transactions in it begin and end. */
export class LogOffsets {
  readonly #talk: Talk
  readonly #transactional: Transactional
  /** The partitions whose records were deleted. */
  readonly #shortened = new Set<number>()

  constructor(talk: Talk) {
    this.#talk = talk
    this.#transactional = new Transactional(talk, talk.name)
  }

  async converse(steps: number): Promise<void> {
    const talk = this.#talk
    const configs = [{ name: 'retention.ms', value: '-1' }]
    const topic = { name: talk.name, numPartitions: 2, replicationFactor: 1, assignments: [], configs }
    await talk.ask('createTopics', 7, { topics: [topic] })
    await talk.settled()
    for (let i = 0; i < steps; i++) await this.#step()
    if (this.#transactional.isOpen) await this.#transactional.end()
    for (let i = 0; i < 4; i++) await this.#list()
  }

  async #step(): Promise<void> {
    const dice = this.#talk.below(100)
    if (dice < 14) await this.#produce()
    else if (dice < 30)
      await this.#transactional.send(this.#talk.below(2), 1 + this.#talk.below(3), this.#time())
    else if (dice < 38) {
      if (this.#transactional.isOpen) await this.#transactional.end()
    } else if (dice < 72) await this.#list()
    else if (dice < 84) await this.#delete()
    else await this.#epochs()
  }

  #time(): number {
    return now + this.#talk.below(50)
  }

  async #produce(): Promise<void> {
    const talk = this.#talk
    const index = talk.below(2)
    const times = Array.from({ length: 1 + talk.below(3) }, () => this.#time())
    const value = Buffer.from('value')
    const records = [
      writeBatch(times.map((timestamp, offset) => ({ offset, timestamp, key: null, value, headers: [] }))),
    ]
    const topicData = [{ name: talk.name, partitionData: [{ index, records }] }]
    const { responses } = await talk.ask('produce', 9, { acks: -1, topicData })
    const { errorCode, baseOffset } = responses[0].partitionResponses[0]
    talk.tell(`to ${index} at ${times.map(each => each - now)}`, [errorCode, baseOffset])
  }

  #topic(): string {
    return this.#talk.oneOf([...Array(12).fill(this.#talk.name), `${this.#talk.name}-nowhere`, 'a b', ''])
  }

  #partitions(): number[] {
    return this.#talk.oneOf([[0], [1], [0, 1], [0], [1], [0, 1], [2], [-1], [0, 7], []])
  }

  #distinctTopics(): string[] {
    return [...new Set(this.#talk.some(() => this.#topic()))]
  }

  // As consumers, tools or other brokers ask.
  #replicaId(): number {
    return this.#talk.oneOf([-1, -1, -1, -1, -1, -2, 0, 1, 7])
  }

  // Which of two errors is told differs, so that what is refused already has a right epoch.
  #wanted(partitionIndex: number, isRefused: boolean) {
    const talk = this.#talk
    const timestamp = talk.oneOf([
      ...[-1, -1, -2, -3, -4, -5, -6, -7, 0, latestWritten, 2 ** 45],
      ...[0, 5, 10, 15, 20, 30, 40, 50].map(each => now + each),
    ])
    const epochs = isRefused || timestamp < -2 ? [-1, 0] : [-1, -1, -1, -1, 0, 0, 1, -2]
    return { partitionIndex, currentLeaderEpoch: talk.oneOf(epochs), timestamp }
  }

  async #list(): Promise<void> {
    const talk = this.#talk
    const version = 1 + talk.below(11)
    const isTwice = talk.chance(0.2)
    const named = this.#distinctTopics().map(name => ({
      name,
      partitions: this.#partitions().map(partitionIndex => this.#wanted(partitionIndex, isTwice)),
    }))
    const topics = isTwice ? [...named, ...named] : named
    // What a version has no field for is not asked.
    const isolationLevel = version < 2 ? 0 : talk.oneOf([0, 1, 1])
    const asked = { replicaId: this.#replicaId(), isolationLevel, topics }
    const answer = await talk.ask('listOffsets', version, asked)
    const asksForMax = new Set(
      topics.flatMap(({ partitions }) =>
        partitions
          .filter(({ timestamp }) => timestamp === maxTimestamp)
          .map(({ partitionIndex }) => partitionIndex),
      ),
    )
    for (const each of answer.topics.flatMap(({ partitions }: any) => partitions)) {
      // Kafka may tell the largest one of a record that is gone.
      const isOld = asksForMax.has(each.partitionIndex) && this.#shortened.has(each.partitionIndex)
      if (isOld) Object.assign(each, { timestamp: -1, offset: -1, leaderEpoch: -1 })
      // The end of a transaction is no record here, and has no time of its own.
      if (this.#transactional.ends[each.partitionIndex]?.has(each.offset)) each.timestamp = 'end'
      else if (each.timestamp > 0) each.timestamp -= now
    }
    const what = JSON.stringify(asked).replaceAll(/\d{13}/g, each => `now+${Number(each) - now}`)
    talk.tell(`list v${version} ${what}`, talk.shown(answer))
  }

  async #delete(): Promise<void> {
    const talk = this.#talk
    const topics = talk.some(() => ({
      name: this.#topic(),
      partitions: this.#partitions().map(partitionIndex => ({
        partitionIndex,
        offset: talk.oneOf([-1, -2, -3, 0, 1, 2, 3, 5, 8, 50, 2 ** 40]),
      })),
    }))
    const partitions = topics.flatMap(topic => topic.partitions)
    for (const { partitionIndex } of partitions) this.#shortened.add(partitionIndex)
    await talk.hear('deleteRecords', talk.below(3), { topics })
  }

  async #epochs(): Promise<void> {
    const talk = this.#talk
    const topics = this.#distinctTopics().map(topic => ({
      topic,
      partitions: this.#partitions().map(partition => ({
        partition,
        currentLeaderEpoch: talk.oneOf([-1, -1, -1, 0, 0, 1, -2]),
        leaderEpoch: talk.oneOf([0, 0, 0, 1, 2, 1_000_000, -1, -2]),
      })),
    }))
    const version = 2 + talk.below(3)
    await talk.hear('offsetForLeaderEpoch', version, { replicaId: this.#replicaId(), topics })
  }
}
