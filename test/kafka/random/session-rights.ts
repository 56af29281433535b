import { writeBatch } from '../../../src/server/protocol/record-batch.ts'
import type { Ask } from '../kafka-and-served.ts'
import type { Talk } from './talk.ts'

const [ofTopic, literal] = [2, 3]
const [read, write, describe] = [3, 4, 8]
const [denied, allowed] = [2, 3]

/** A user who reads by one fetch session, while the rights to its topics come and go. */
export class SessionRights {
  readonly #talk: Talk
  readonly #user: string
  readonly #ask: Ask
  readonly #topics: readonly string[]
  readonly #ids = new Map<string, string>()
  #session = { id: 0, epoch: 0, byId: false }

  constructor(talk: Talk, user: string) {
    this.#talk = talk
    this.#user = user
    this.#ask = talk.connect(user)
    this.#topics = ['a', 'b', 'c'].map(each => `${talk.name}-${each}`)
  }

  async converse(steps: number): Promise<void> {
    const talk = this.#talk
    for (const name of this.#topics) {
      const topic = { name, numPartitions: 1, replicationFactor: 1, assignments: [], configs: [] }
      const { topics } = await talk.ask('createTopics', 7, { topics: [topic] })
      this.#ids.set(name, topics[0].topicId)
      talk.topicNumber(topics[0].topicId)
    }
    await talk.settled()
    for (let i = 0; i < steps; i++) {
      const dice = talk.below(100)
      if (dice < 25) await this.#give()
      else if (dice < 35) await this.#take()
      else if (dice < 50) await this.#produce()
      else await this.#fetch()
    }
    for (const name of this.#topics) await this.#take(name)
  }

  async #give(): Promise<void> {
    const talk = this.#talk
    const creations = talk.some(() => ({
      ...{ resourceType: ofTopic, resourceName: talk.oneOf(this.#topics), resourcePatternType: literal },
      ...{ principal: `User:${this.#user}`, host: '*' },
      operation: talk.oneOf([read, read, read, describe, write]),
      permissionType: talk.oneOf([allowed, allowed, allowed, denied]),
    }))
    await talk.hear('createAcls', 3, { creations })
    await talk.settled()
  }

  async #take(name = this.#talk.oneOf(this.#topics)): Promise<void> {
    const filter = {
      ...{ resourceTypeFilter: ofTopic, resourceNameFilter: name, patternTypeFilter: literal },
      ...{ hostFilter: null, principalFilter: `User:${this.#user}`, operation: 1, permissionType: 1 },
    }
    await this.#talk.ask('deleteAcls', 3, { filters: [filter] })
    await this.#talk.settled()
    this.#talk.tell('take', name)
  }

  async #produce(): Promise<void> {
    const talk = this.#talk
    const name = talk.oneOf(this.#topics)
    const value = Buffer.from('value')
    const records = [writeBatch([{ offset: 0, timestamp: Date.now(), key: null, value, headers: [] }])]
    const topicData = [{ name, partitionData: [{ index: 0, records }] }]
    const { responses } = await talk.ask('produce', 9, { acks: -1, topicData })
    talk.tell(`to ${name}`, responses[0].partitionResponses[0].errorCode)
  }

  #wanted() {
    const talk = this.#talk
    const names = [...new Set(talk.some(() => talk.oneOf(this.#topics)))]
    return names.map(topic => ({
      topic,
      topicId: this.#ids.get(topic)!,
      partitions: [{ partition: 0, fetchOffset: talk.oneOf([0, 0, 1, 2]), partitionMaxBytes: 1 << 20 }],
    }))
  }

  async #fetch(): Promise<void> {
    const talk = this.#talk
    if (this.#session.id === 0 || talk.chance(0.1))
      this.#session = { id: 0, epoch: 0, byId: talk.chance(0.6) }
    const { id, epoch, byId } = this.#session
    const version = byId ? 13 + talk.below(6) : 7 + talk.below(6)
    const forgotten = epoch > 0 && talk.chance(0.1) ? [talk.oneOf(this.#topics)] : []
    const topics = epoch === 0 || talk.chance(0.3) ? this.#wanted() : []
    const isWanted = (name: string) => topics.some(({ topic }) => topic === name)
    // What is named and forgotten at once Kafka sends where it was all that the session had.
    const asked = {
      topics,
      forgottenTopicsData: forgotten
        .filter(each => !isWanted(each))
        .map(topic => ({
          topic,
          topicId: this.#ids.get(topic)!,
          partitions: [0],
        })),
    }
    const answer = await this.#ask('fetch', version, {
      ...{ maxWaitMs: 0, minBytes: 0, maxBytes: 1 << 20, sessionId: id, sessionEpoch: epoch },
      ...asked,
    })
    this.#session =
      answer.errorCode === 0
        ? { id: answer.sessionId, epoch: epoch + 1, byId }
        : { id: 0, epoch: 0, byId: false }
    const responses = answer.responses.flatMap(({ partitions, ...topic }: any) =>
      partitions.map((each: any) => ({
        ...topic,
        told: [each.errorCode, each.highWatermark, each.logStartOffset, each.records?.length ?? 0],
      })),
    )
    talk.tell(`fetch v${version} ${epoch} ${JSON.stringify(talk.shown(asked))}`, [
      ...[answer.errorCode, Math.sign(answer.sessionId)],
      talk.shown(responses),
    ])
  }
}
