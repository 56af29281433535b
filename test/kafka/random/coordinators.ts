import type { Ask } from '../kafka-and-served.ts'
import type { Talk } from './talk.ts'

type Api = Parameters<Ask>[0]

const [group, transaction] = [0, 1]

/** Clients that ask a broker for groups and transactions that another one coordinates. */
export class Coordinators {
  readonly #talk: Talk
  #group = ''
  #transactionalId = ''

  constructor(talk: Talk) {
    this.#talk = talk
  }

  async converse(): Promise<void> {
    const talk = this.#talk
    const topic = { name: talk.name, numPartitions: 1, replicationFactor: -1, assignments: [], configs: [] }
    await talk.ask('createTopics', 7, { topics: [topic] })
    await talk.settled()
    this.#group = await this.#elsewhere(group)
    this.#transactionalId = await this.#elsewhere(transaction)
    for (const [api, versions, request] of this.#requests()) {
      const version = talk.oneOf(versions)
      const answer = await talk.ask(api, version, request)
      talk.tell(`${api} v${version}`, this.#shown(answer))
    }
  }

  /** The first key that is at another broker than the one that is asked, which is the first one. */
  async #elsewhere(keyType: number): Promise<string> {
    for (let i = 0; ; i++) {
      const key = `${this.#talk.name}-${keyType}-${i}`
      const { coordinators } = await this.#talk.eventually(
        () => this.#talk.ask('findCoordinator', 4, { keyType, coordinatorKeys: [key] }),
        answer => answer.coordinators[0].errorCode !== 0,
      )
      if (coordinators[0].nodeId !== 1) return key
    }
  }

  // A key is another one on each side. Clients look no further than an error for all.
  #shown(answer: any): string {
    if (answer.errorCode > 0) return answer.errorCode
    return JSON.stringify(this.#talk.shown(answer))
      .replaceAll(`"${this.#group}"`, '"group"')
      .replaceAll(`"${this.#transactionalId}"`, '"transaction"')
  }

  #requests(): readonly (readonly [Api, readonly number[], object])[] {
    const [groupId, transactionalId] = [this.#group, this.#transactionalId]
    const memberId = 'AAAAAAAAAAAAAAAAAAAAAA'
    const partitions = [{ partitionIndex: 0, committedOffset: 0, committedMetadata: '' }]
    const { name } = this.#talk
    const topics = [{ name, partitions }]
    const member = { groupId, memberId, memberEpoch: 0, rebalanceTimeoutMs: 60_000 }
    const producer = { producerId: 1, producerEpoch: 0 }
    const names = { groups: [groupId], groupIds: [groupId] }
    return [
      [
        'joinGroup',
        [3, 5, 9],
        {
          ...member,
          memberId: '',
          sessionTimeoutMs: 60_000,
          protocolType: 'consumer',
          protocols: [{ name: 'range', metadata: Buffer.alloc(0) }],
        },
      ],
      [
        'syncGroup',
        [3, 5],
        { ...member, generationId: 1, protocolType: 'consumer', protocolName: 'range', assignments: [] },
      ],
      ['heartbeat', [3, 4], { ...member, generationId: 1 }],
      ['leaveGroup', [2, 3, 5], { ...member, members: [{ memberId }] }],
      ['offsetCommit', [2, 8, 9], { ...member, generationIdOrMemberEpoch: 1, topics }],
      ['offsetCommit', [2, 8, 9], { groupId, memberId: '', topics: [] }],
      ['offsetFetch', [1, 2, 5, 7], { groupId, topics: [{ name, partitionIndexes: [0] }] }],
      ['offsetFetch', [8, 9], { groups: [{ groupId, topics: null }] }],
      ['offsetDelete', [0], { groupId, topics: [{ name, partitions: [{ partitionIndex: 0 }] }] }],
      ['deleteGroups', [0, 2], { groupsNames: [groupId] }],
      ['describeGroups', [0, 5, 6], names],
      ['consumerGroupHeartbeat', [0, 1], { ...member, subscribedTopicNames: [], topicPartitions: [] }],
      ['consumerGroupDescribe', [0, 1], names],
      ['shareGroupHeartbeat', [1], { ...member, subscribedTopicNames: [name] }],
      ['shareGroupDescribe', [1], names],
      ['describeShareGroupOffsets', [0, 1], { groups: [{ groupId, topics: null }] }],
      [
        'alterShareGroupOffsets',
        [0],
        { groupId, topics: [{ topicName: name, partitions: [{ partitionIndex: 0, startOffset: 0 }] }] },
      ],
      ['deleteShareGroupOffsets', [0], { groupId, topics: [{ topicName: name }] }],
      ['streamsGroupHeartbeat', [0], { ...member, memberEpoch: -1 }],
      ['streamsGroupDescribe', [0], names],
      [
        'txnOffsetCommit',
        [0, 3, 5],
        { transactionalId, groupId, ...producer, memberId: '', generationIdOrMemberEpoch: -1, topics },
      ],
      [
        'initProducerId',
        [0, 3, 5],
        { transactionalId, transactionTimeoutMs: 1000, producerId: -1, producerEpoch: -1 },
      ],
      [
        'addPartitionsToTxn',
        [0, 3],
        {
          v3AndBelowTransactionalId: transactionalId,
          v3AndBelowProducerId: 1,
          v3AndBelowProducerEpoch: 0,
          v3AndBelowTopics: [{ name, partitions: [0] }],
        },
      ],
      ['addOffsetsToTxn', [0, 3], { transactionalId, groupId, ...producer }],
      ['endTxn', [0, 3, 5], { transactionalId, committed: true, ...producer }],
      ['describeTransactions', [0], { transactionalIds: [transactionalId] }],
    ]
  }
}
