import { writeBatch } from '../../../src/server/protocol/record-batch.ts'
import type { Talk } from './talk.ts'

const [notFound, invalidEpoch, topicIdError] = [70, 71, 106]
// Kafka tells how a topic was known before: UNKNOWN_TOPIC_OR_PARTITION, UNKNOWN_TOPIC_ID, INCONSISTENT_TOPIC_ID.
const gone = new Set([3, 100, 103])
const unknownId = '00000000-0000-0000-0000-000000000777'

interface Session {
  id: number
  epoch: number
  /** Whether it goes by the ids of topics. */
  readonly byId: boolean
}

/** Clients that read by sessions, while topics grow, are deleted, and come back under another id. */
export class FetchSessions {
  readonly #talk: Talk
  readonly #topics: readonly string[]
  /** Those that there are, and the ids that they had. */
  readonly #there = new Map<string, number>()
  readonly #ids = new Map<string, string[]>()
  readonly #sessions: Session[] = []

  constructor(talk: Talk) {
    this.#talk = talk
    this.#topics = ['a', 'b', 'c'].map(each => `${talk.name}-${each}`)
  }

  async converse(steps: number): Promise<void> {
    const talk = this.#talk
    for (const name of this.#topics) await this.#create(name)
    for (let i = 0; i < steps; i++) {
      const dice = talk.below(100)
      if (dice < 15 || this.#sessions.length === 0) await this.#begin()
      else if (dice < 65) await this.#continue(talk.oneOf(this.#sessions))
      else if (dice < 82) await this.#produce()
      else if (dice < 87) await this.#trim()
      else if (dice < 92) await this.#grow()
      else await this.#change()
    }
  }

  async #create(name: string): Promise<void> {
    const talk = this.#talk
    const topic = { name, numPartitions: 2, replicationFactor: 1, assignments: [], configs: [] }
    const { topics } = await talk.ask('createTopics', 7, { topics: [topic] })
    this.#ids.set(name, [...(this.#ids.get(name) ?? []), topics[0].topicId])
    this.#there.set(name, 2)
    talk.topicNumber(topics[0].topicId)
    await talk.settled()
  }

  async #change(): Promise<void> {
    const talk = this.#talk
    const name = talk.oneOf(this.#topics)
    if (!this.#there.has(name)) await this.#create(name)
    else {
      await talk.ask('deleteTopics', 6, { topics: [{ name }] })
      this.#there.delete(name)
      await talk.settled()
    }
    talk.tell(this.#there.has(name) ? 'create' : 'delete', name)
  }

  async #grow(): Promise<void> {
    const talk = this.#talk
    const name = talk.oneOf(this.#topics)
    const count = this.#there.get(name)
    if (count === undefined || count > 3) return
    await talk.hear('createPartitions', 3, { topics: [{ name, count: count + 1, assignments: null }] })
    this.#there.set(name, count + 1)
    await talk.settled()
  }

  async #produce(): Promise<void> {
    const talk = this.#talk
    const [name, index] = [talk.oneOf(this.#topics), talk.below(3)]
    const value = Buffer.from('value')
    const record = { offset: 0, timestamp: Date.UTC(2020, 0, 1), key: null, value, headers: [] }
    const topicData = [{ name, partitionData: [{ index, records: [writeBatch([record])] }] }]
    const { responses } = await talk.ask('produce', 9, { transactionalId: null, acks: -1, topicData })
    talk.tell(`to ${name}-${index}`, responses[0].partitionResponses[0].errorCode)
  }

  async #trim(): Promise<void> {
    const talk = this.#talk
    const partitions = [{ partitionIndex: talk.below(2), offset: talk.oneOf([-1, 1]) }]
    await talk.hear('deleteRecords', 2, { topics: [{ name: talk.oneOf(this.#topics), partitions }] })
  }

  /** By its present id, or an old one. */
  #named(): { readonly topic: string; readonly topicId: string } {
    const talk = this.#talk
    const topic = talk.oneOf(this.#topics)
    const ids = this.#ids.get(topic)!
    return { topic, topicId: talk.oneOf([ids.at(-1)!, ids.at(-1)!, ids.at(-1)!, ids[0]!, unknownId]) }
  }

  #wanted() {
    const talk = this.#talk
    const topics = new Map(talk.some(() => this.#named()).map(each => [each.topic, each]))
    return [...topics.values()].map(each => ({
      ...each,
      partitions: talk.oneOf([[0], [1], [0, 1], [2], [0, 2]]).map(partition => ({
        partition,
        currentLeaderEpoch: talk.oneOf([-1, -1, -1, 0, 1]),
        fetchOffset: talk.oneOf([0, 0, 1, 2, 3, 9]),
        partitionMaxBytes: 1 << 20,
      })),
    }))
  }

  async #begin(): Promise<void> {
    const talk = this.#talk
    const byId = talk.chance(0.6)
    const topics = this.#wanted()
    const asked = { sessionId: talk.oneOf([0, 0, this.#sessions.at(-1)?.id ?? 0]), sessionEpoch: 0, topics }
    // A session that is named in vain ends.
    const ended = this.#sessions.findIndex(({ id }) => id === asked.sessionId)
    if (ended !== -1) this.#sessions.splice(ended, 1)
    const answer = await this.#fetch(byId, asked, ended === -1 ? 'new' : 'anew')
    if (answer.errorCode === 0 && answer.sessionId !== 0)
      this.#sessions.push({ id: answer.sessionId, epoch: 1, byId })
  }

  async #continue(session: Session): Promise<void> {
    const talk = this.#talk
    const number = this.#sessions.indexOf(session)
    const forgottenTopicsData = talk.chance(0.3)
      ? [{ ...this.#named(), partitions: talk.oneOf([[0], [0, 1], [2]]) }]
      : []
    const topics = talk.chance(0.4) ? this.#wanted() : []
    const by = talk.oneOf([0, 0, 0, 0, 0, 0, 0, 0, 1, -1])
    const isFinal = talk.chance(0.05)
    const byId = talk.chance(0.04) ? !session.byId : session.byId
    const sessionEpoch = isFinal ? -1 : Math.max(1, session.epoch + by)
    const asked = { sessionId: session.id, sessionEpoch, topics, forgottenTopicsData }
    const what = isFinal ? 'the end' : `${sessionEpoch}`
    const { errorCode, sessionId } = await this.#fetch(byId, asked, `${number}, ${what}`)
    if (errorCode === 0 && !isFinal && sessionId !== 0) session.epoch = sessionEpoch + 1
    else if (![invalidEpoch, topicIdError].includes(errorCode) || errorCode === notFound)
      this.#sessions.splice(number, 1)
  }

  async #fetch(byId: boolean, asked: object, what: string): Promise<any> {
    const talk = this.#talk
    const version = byId ? 13 + talk.below(6) : 7 + talk.below(6)
    const answer = await talk.ask('fetch', version, {
      ...{ maxWaitMs: 0, minBytes: 0, maxBytes: 1 << 20, forgottenTopicsData: [] },
      ...asked,
    })
    const responses = answer.responses.flatMap(({ partitions, ...topic }: any) =>
      partitions.map((each: any) => ({
        ...topic,
        partition: each.partitionIndex,
        told: [
          gone.has(each.errorCode) ? 'gone' : each.errorCode,
          each.highWatermark,
          each.logStartOffset,
          each.records?.length ?? 0,
        ],
      })),
    )
    const shown = talk.shown({ ...asked, sessionId: undefined })
    const session = Math.sign(answer.sessionId)
    talk.tell(`fetch v${version} of ${what} ${JSON.stringify(shown)}`, [
      answer.errorCode,
      session,
      talk.shown(responses),
    ])
    return answer
  }
}
