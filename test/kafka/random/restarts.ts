import { writeBatch } from '../../../src/server/protocol/record-batch.ts'
import type { Stoppable } from '../kafka-and-served.ts'
import type { Talk } from './talk.ts'

const assigned = [[2], [2, 1], [1, 2, 3], [2, 3, 1], [3, 1], [1, 3]] as const
const electionNotNeeded = 84

/** Brokers that stop and come back, one at a time, and what the one that stays tells of partitions meanwhile. */
export class Restarts {
  readonly #talk: Talk
  readonly #broker: (nodeId: number) => Stoppable
  #epochs: number[] = []

  constructor(talk: Talk, broker: (nodeId: number) => Stoppable) {
    this.#talk = talk
    this.#broker = broker
  }

  async converse(times: number): Promise<void> {
    const talk = this.#talk
    for (const [number, brokerIds] of assigned.entries()) {
      const topic = { name: this.#name(number), numPartitions: -1, replicationFactor: -1 }
      const assignments = [{ partitionIndex: 0, brokerIds }]
      const configs = [{ name: 'min.insync.replicas', value: String(1 + talk.below(2)) }]
      await talk.ask('createTopics', 7, { topics: [{ ...topic, assignments, configs }] })
    }
    await talk.settled()
    await this.#look(undefined)
    for (let i = 0; i < times; i++) {
      const nodeId = talk.oneOf([2, 3])
      await this.#broker(nodeId).stop()
      talk.tell('stop', `${nodeId}`)
      await this.#look(nodeId)
      await this.#broker(nodeId).start()
      talk.tell('start', `${nodeId}`)
      await this.#look(undefined)
      if (talk.chance(0.7)) await this.#elect()
    }
  }

  #name(number: number): string {
    return `${this.#talk.name}-${number}`
  }

  /** Tells where partitions are once all know that a broker is away, or that none is, and asks for each of them. */
  async #look(away: number | undefined): Promise<void> {
    const talk = this.#talk
    const topics = assigned.map((_, number) => ({ name: this.#name(number) }))
    const isSettled = ({ topics: found }: any) =>
      found.every(({ partitions: [{ leaderId, isrNodes, replicaNodes }] }: any) => {
        const there = replicaNodes.filter((each: number) => each !== away)
        return there.length === 0 ? leaderId === -1 : leaderId !== -1 && isrNodes.length === there.length
      })
    const ask = () => talk.ask('metadata', 12, { topics, allowAutoTopicCreation: false })
    // A Kafka takes longer for that than other answers do.
    for (let round = 0; round < 10; round++)
      if (isSettled(await talk.eventually(ask, answer => !isSettled(answer)))) break
    const answer = await ask()
    talk.tell('there are', talk.shown(answer.topics))
    const { topics: described } = await talk.ask('describeTopicPartitions', 0, { topics })
    talk.tell('described', talk.shown(described))
    const epochOf = (number: number) =>
      answer.topics.find(({ name }: any) => name === this.#name(number)).partitions[0].leaderEpoch as number
    const epochs = assigned.map((_, number) => epochOf(number))
    for (const number of assigned.keys()) {
      await this.#produce(number)
      await this.#fetch(number, this.#epochs[number] ?? -1)
      await this.#fetch(number, epochs[number]!)
    }
    this.#epochs = epochs
  }

  async #produce(number: number): Promise<void> {
    const record = { offset: 0, timestamp: Date.UTC(2020, 0, 1), key: null, headers: [] }
    const records = [writeBatch([{ ...record, value: Buffer.from('v') }])]
    const topicData = [{ name: this.#name(number), partitionData: [{ index: 0, records }] }]
    const answer = await this.#talk.ask('produce', 12, { transactionalId: null, acks: -1, topicData })
    const { errorCode, baseOffset, currentLeader } = answer.responses[0].partitionResponses[0]
    this.#tell(`produce to ${number}`, [errorCode, baseOffset, currentLeader], answer)
  }

  async #fetch(number: number, currentLeaderEpoch: number): Promise<void> {
    const partitions = [{ partition: 0, currentLeaderEpoch, fetchOffset: 0, partitionMaxBytes: 1 << 20 }]
    const { topics } = await this.#talk.ask('metadata', 12, { topics: [{ name: this.#name(number) }] })
    const answer = await this.#talk.ask('fetch', 16, {
      ...{ maxWaitMs: 0, minBytes: 0, maxBytes: 1 << 20 },
      topics: [{ topicId: topics[0].topicId, partitions }],
    })
    const { errorCode, currentLeader } = answer.responses[0].partitions[0]
    this.#tell(`fetch ${number} under ${currentLeaderEpoch}`, [errorCode, currentLeader], answer)
  }

  #tell(what: string, told: unknown, { nodeEndpoints = [] }: any): void {
    this.#talk.tell(what, [told, nodeEndpoints.map((each: any) => each.nodeId).toSorted()])
  }

  async #elect(): Promise<void> {
    const talk = this.#talk
    const topicPartitions = assigned.map((_, number) => ({ topic: this.#name(number), partitions: [0] }))
    const answer = await talk.ask('electLeaders', 2, { electionType: 0, topicPartitions })
    const elected = answer.replicaElectionResults.flatMap(({ topic, partitionResult }: any) =>
      partitionResult[0].errorCode === electionNotNeeded ? [] : [[topic, partitionResult[0].errorCode]],
    )
    talk.tell('elect', elected.toSorted())
    await talk.settled()
    await this.#look(undefined)
  }
}
