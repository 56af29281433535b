import { writeBatch } from '../../../src/server/protocol/record-batch.ts'
import type { Talk } from './talk.ts'

const noEpoch = -1

/** Which brokers have each partition; the first one leads, and broker 1 is asked. */
const assigned = [[1, 2, 3], [2, 3, 1], [3, 2], [1], [2]] as const

/** Clients that ask the same broker for partitions that it leads, follows or does not have, under epochs right and wrong. */
export class Leaders {
  readonly #talk: Talk
  readonly #name: string
  readonly #ids: string[] = []

  constructor(talk: Talk) {
    this.#talk = talk
    this.#name = talk.name
  }

  async converse(steps: number): Promise<void> {
    const talk = this.#talk
    for (const [name, brokers] of assigned.entries()) {
      const assignments = [{ partitionIndex: 0, brokerIds: brokers }]
      const topic = { name: `${this.#name}-${name}`, numPartitions: -1, replicationFactor: -1, assignments }
      const configs = [{ name: 'min.insync.replicas', value: '1' }]
      const { topics } = await talk.ask('createTopics', 7, { topics: [{ ...topic, configs }] })
      this.#ids.push(topics[0].topicId)
      talk.topicNumber(topics[0].topicId)
    }
    await talk.settled()
    for (let i = 0; i < steps; i++) {
      const dice = talk.below(100)
      if (dice < 25) await this.#produce()
      else if (dice < 50) await this.#fetch()
      else if (dice < 65) await this.#list()
      else if (dice < 80) await this.#epochs()
      else if (dice < 86) await this.#delete()
      else if (dice < 90) await this.#producers()
      else await this.#elect()
    }
  }

  /** Some of them, with the epoch under which each is led. */
  async #some(): Promise<{ name: string; topicId: string; epoch: number }[]> {
    const talk = this.#talk
    const numbers = [...new Set(talk.some(() => talk.below(assigned.length)))]
    const topics = numbers.map(each => ({ name: `${this.#name}-${each}` }))
    const answer = await talk.ask('metadata', 12, { topics, allowAutoTopicCreation: false })
    return numbers.map(each => {
      const name = `${this.#name}-${each}`
      const { partitions } = answer.topics.find((topic: any) => topic.name === name)
      return { name, topicId: this.#ids[each]!, epoch: partitions[0].leaderEpoch }
    })
  }

  #epoch(epoch: number): number {
    return this.#talk.oneOf([noEpoch, noEpoch, epoch, epoch, epoch - 1, epoch + 1, 0, -2])
  }

  async #produce(): Promise<void> {
    const talk = this.#talk
    const topics = await this.#some()
    const record = { offset: 0, timestamp: Date.UTC(2020, 0, 1), key: null, headers: [] }
    const records = [writeBatch([{ ...record, value: Buffer.from('v') }])]
    const version = 3 + talk.below(11)
    const topicData = topics.map(({ name, topicId }) => ({
      ...{ name, topicId },
      partitionData: [{ index: 0, records }],
    }))
    const answer = await talk.ask('produce', version, { transactionalId: null, acks: -1, topicData })
    this.#tell(`produce v${version} ${topics.map(({ name }) => name)}`, answer)
  }

  async #fetch(): Promise<void> {
    const talk = this.#talk
    const version = 4 + talk.below(15)
    const topics = (await this.#some()).map(({ name, topicId, epoch }) => ({
      topic: name,
      topicId,
      partitions: [
        {
          partition: 0,
          currentLeaderEpoch: this.#epoch(epoch),
          fetchOffset: talk.oneOf([0, 0, 1, 50]),
          partitionMaxBytes: 1 << 20,
        },
      ],
    }))
    const asked = { maxWaitMs: 0, minBytes: 0, maxBytes: 1 << 20, topics, rackId: talk.oneOf(['', 'r']) }
    const answer = await talk.ask('fetch', version, asked)
    const partitions = answer.responses.flatMap((topic: any) => topic.partitions)
    for (const each of partitions) {
      each.records = each.records?.length ?? 0
      each.abortedTransactions ??= []
    }
    this.#tell(`fetch v${version} ${JSON.stringify(talk.shown(asked))}`, answer)
  }

  async #list(): Promise<void> {
    const talk = this.#talk
    const topics = (await this.#some()).map(({ name, epoch }) => ({
      name,
      partitions: [
        {
          partitionIndex: 0,
          currentLeaderEpoch: this.#epoch(epoch),
          timestamp: talk.oneOf([-1, -2, 0]),
        },
      ],
    }))
    const [version, replicaId] = [7 + talk.below(4), talk.oneOf([-1, -1, -2])]
    const answer = await talk.ask('listOffsets', version, { replicaId, topics })
    // Records have no epochs, see the differences.
    for (const { partitions } of answer.topics)
      if (partitions[0].errorCode === 0) partitions[0].leaderEpoch = -1
    this.#tell(`list v${version} ${replicaId} ${JSON.stringify(topics)}`, answer)
  }

  async #epochs(): Promise<void> {
    const talk = this.#talk
    const topics = (await this.#some()).map(({ name, epoch }) => ({
      topic: name,
      partitions: [
        {
          partition: 0,
          currentLeaderEpoch: this.#epoch(epoch),
          leaderEpoch: talk.oneOf([epoch, epoch - 1, epoch + 1, 0, -1]),
        },
      ],
    }))
    const [version, replicaId] = [2 + talk.below(3), talk.oneOf([-1, -1, -2])]
    const answer = await talk.ask('offsetForLeaderEpoch', version, { replicaId, topics })
    // Every epoch ends where the log does, see the differences.
    for (const { partitions } of answer.topics) {
      if (partitions[0].errorCode === 0) Object.assign(partitions[0], { leaderEpoch: -1, endOffset: -1 })
    }
    this.#tell(`epochs v${version} ${JSON.stringify(topics)}`, answer)
  }

  async #delete(): Promise<void> {
    const talk = this.#talk
    const topics = (await this.#some()).map(({ name }) => ({
      name,
      partitions: [{ partitionIndex: 0, offset: talk.oneOf([0, 1, -1, 50]) }],
    }))
    await this.#ask('deleteRecords', talk.below(3), { topics })
  }

  async #producers(): Promise<void> {
    const topics = (await this.#some()).map(({ name }) => ({ name, partitionIndexes: [0] }))
    await this.#ask('describeProducers', 0, { topics })
  }

  /** Moves the leader to another one of its brokers, and lets it be. */
  async #elect(): Promise<void> {
    const talk = this.#talk
    const number = talk.below(3)
    const name = `${this.#name}-${number}`
    const replicas = talk.oneOf([assigned[number]!, assigned[number]!.toReversed()])
    const topics = [{ name, partitions: [{ partitionIndex: 0, replicas }] }]
    await talk.ask('alterPartitionReassignments', 0, { topics })
    await talk.ask('electLeaders', 2, {
      electionType: 0,
      topicPartitions: [{ topic: name, partitions: [0] }],
    })
    const answer = await talk.eventually(
      () => talk.ask('metadata', 12, { topics: [{ name }], allowAutoTopicCreation: false }),
      ({ topics: [{ partitions }] }) => partitions[0].leaderId !== replicas[0],
    )
    await talk.settled()
    const { leaderId, leaderEpoch } = answer.topics[0].partitions[0]
    talk.tell(`elect ${replicas[0]} for ${name}`, [leaderId, leaderEpoch])
  }

  async #ask(api: Parameters<Talk['ask']>[0], version: number, request: object): Promise<void> {
    const answer = await this.#talk.ask(api, version, request)
    this.#tell(`${api} v${version} ${JSON.stringify(request)}`, answer)
  }

  #tell(what: string, answer: any): void {
    const { nodeEndpoints = [] } = answer
    this.#talk.tell(what, [
      this.#talk.shown(answer),
      nodeEndpoints.map((each: any) => each.nodeId).toSorted(),
    ])
  }
}
