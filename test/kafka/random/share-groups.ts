import { setTimeout as sleep } from 'node:timers/promises'
import { writeBatch } from '../../../src/server/protocol/record-batch.ts'
import type { Ask } from '../kafka-and-served.ts'
import type { Talk } from './talk.ts'
import { Transactional } from './transactional.ts'

interface Member {
  readonly id: string
  readonly ask: Ask
  epoch: number
  session: number
  /** By partition, in the order in which they were acquired. */
  readonly acquired: { partition: number; first: number; last: number }[]
}

const passing = new Set([14, 15, 16])
const lockDuration = 'share.record.lock.duration.ms'

/**
 * Members of a share group that fetch, acknowledge and leave, right and wrong, while records come, some of them in
 * transactions.
 */
export class Sharers {
  readonly #talk: Talk
  readonly #topic: string
  readonly #group: string
  readonly #members: Member[]
  readonly #count: number
  /** One that writes in transactions, in some conversations. */
  readonly #transactional: Transactional | undefined
  #topicId = ''

  constructor(talk: Talk) {
    this.#talk = talk
    this.#topic = talk.name
    this.#group = `${talk.name}-group`
    this.#count = talk.oneOf([1, 2])
    this.#transactional = talk.chance(0.35) ? new Transactional(talk, talk.name) : undefined
    this.#members = [1, 2].map(each => ({
      id: `AAAAAAAAAAAAAAAAAAAA${talk.name.length}${each}`.slice(-22),
      ask: talk.connect(),
      epoch: 0,
      session: 0,
      acquired: [],
    }))
  }

  async converse(steps: number): Promise<void> {
    const talk = this.#talk
    const kept = [{ name: 'retention.ms', value: '-1' }]
    const topic = {
      name: this.#topic,
      numPartitions: 2,
      replicationFactor: 1,
      assignments: [],
      configs: kept,
    }
    const { topics } = await talk.ask('createTopics', 7, { topics: [topic] })
    this.#topicId = topics[0].topicId
    talk.topicNumber(this.#topicId)
    await talk.settled()
    await this.#configure({
      'share.auto.offset.reset': 'earliest',
      [lockDuration]: 30_000,
      ...(talk.chance(0.3) && { 'share.delivery.count.limit': talk.oneOf([2, 3]) }),
      ...(talk.chance(0.2) && { 'share.renew.acknowledge.enable': 'false' }),
      // Kafka counts the ends of transactions to what was delivered often.
      ...(this.#transactional && {
        'share.isolation.level': talk.oneOf(['read_committed', 'read_committed', 'read_uncommitted']),
        'share.delivery.count.limit': 2,
      }),
    })
    await talk.eventually(
      () => talk.ask('findCoordinator', 4, { keyType: 0, coordinatorKeys: [this.#group] }),
      ({ coordinators }) => coordinators[0].errorCode !== 0,
    )
    for (const member of this.#members) await this.#join(member)
    await this.#begin()
    for (let i = 0; i < steps; i++) await this.#step()
    await this.#describe()
    await talk.oneOf([
      () => undefined,
      () => this.#addPartition(),
      () => this.#deleteTopic(),
      () => this.#alterOffsets(),
      () => this.#alterNew(),
    ])()
  }

  async #configure(values: object): Promise<void> {
    const configs = Object.entries(values).map(([name, value]) => ({
      name,
      configOperation: value === null ? 1 : 0,
      value: value === null ? null : `${value}`,
    }))
    const resource = { resourceType: 32, resourceName: this.#group, configs }
    await this.#talk.ask('incrementalAlterConfigs', 1, { resources: [resource] })
    await this.#talk.settled()
  }

  // Kafka looks up where it begins with the first fetch.
  async #begin(): Promise<void> {
    const [member] = this.#members as [Member, Member]
    for (let index = 0; index < this.#count; index++) {
      const partition = { partitionIndex: index, acknowledgementBatches: [] as object[] }
      await this.#produce(index)
      let shareSessionEpoch = 0
      const fetch = (more: object) =>
        member.ask('shareFetch', 1, {
          groupId: this.#group,
          memberId: member.id,
          maxWaitMs: 300,
          minBytes: 1,
          maxRecords: 500,
          batchSize: 500,
          shareSessionEpoch: shareSessionEpoch++,
          ...more,
        })
      const { responses } = await this.#talk.eventually(
        () => fetch({ topics: [{ topicId: this.#topicId, partitions: [partition] }] }),
        answer => !answer.responses[0]?.partitions[0].acquiredRecords.length,
      )
      const [{ firstOffset, lastOffset }] = responses[0].partitions[0].acquiredRecords
      partition.acknowledgementBatches = [{ firstOffset, lastOffset, acknowledgeTypes: [1] }]
      await fetch({ topics: [{ topicId: this.#topicId, partitions: [partition] }] })
      await fetch({ shareSessionEpoch: -1 })
    }
  }

  async #step(): Promise<void> {
    const talk = this.#talk
    const member = talk.oneOf(this.#members)
    const dice = talk.below(100)
    if (dice < 20) await this.#write()
    else if (dice < 23) await this.#endLocks(member)
    else if (dice < 60) await this.#fetch(member)
    else if (dice < 85) await this.#acknowledge(member)
    else if (dice < 90) await this.#heartbeat(member)
    else if (dice < 93) await this.#offsets()
    else await this.#describe()
  }

  async #join(member: Member): Promise<void> {
    const talk = this.#talk
    const beat = (memberEpoch: number) =>
      talk.ask('shareGroupHeartbeat', 1, {
        groupId: this.#group,
        memberId: member.id,
        memberEpoch,
        subscribedTopicNames: memberEpoch === 0 ? [this.#topic] : null,
      })
    const joined = await talk.eventually(
      () => beat(0),
      ({ errorCode }) => passing.has(errorCode),
    )
    member.epoch = joined.memberEpoch
    // Kafka gives partitions a little later.
    let given = joined.assignment
    await talk.eventually(
      async () => {
        const answer = await beat(member.epoch)
        if (answer.errorCode === 0) member.epoch = answer.memberEpoch
        given = answer.assignment ?? given
        return given?.topicPartitions ?? []
      },
      partitions => partitions.length === 0,
    )
    talk.tell(`${member.id} joins`, joined.errorCode)
  }

  async #heartbeat(member: Member): Promise<void> {
    const talk = this.#talk
    const memberEpoch = member.epoch + talk.oneOf([1, 7])
    const answer = await talk.ask('shareGroupHeartbeat', 1, {
      groupId: talk.oneOf([this.#group, this.#group, '']),
      memberId: talk.oneOf([member.id, member.id, '']),
      memberEpoch: talk.oneOf([memberEpoch, memberEpoch, -2]),
    })
    talk.tell(`${member.id} beats wrong`, answer.errorCode)
  }

  async #write(): Promise<void> {
    const [talk, writer] = [this.#talk, this.#transactional]
    if (writer?.isOpen && talk.chance(0.5)) await writer.end()
    else if (writer !== undefined && talk.chance(0.6)) {
      await writer.send(talk.below(this.#count), 1 + talk.below(3))
    } else await this.#produce()
  }

  /** What the member acquires now it has for a second. */
  async #endLocks(member: Member): Promise<void> {
    await this.#configure({ [lockDuration]: null })
    await this.#fetch(member)
    if (this.#talk.chance(0.3)) await this.#acknowledge(member)
    await this.#configure({ [lockDuration]: 30_000 })
    await sleep(1300)
  }

  async #produce(index: number = this.#talk.below(this.#count)): Promise<void> {
    const talk = this.#talk
    // Of now: Kafka soon deletes what is old.
    const timestamp = Date.now()
    const values = Array.from({ length: 1 + talk.below(4) }, (_, offset) => ({
      offset,
      timestamp,
      key: null,
      value: Buffer.from('value'),
      headers: [],
    }))
    const records = [writeBatch(values)]
    const answer = await talk.ask('produce', 9, {
      acks: -1,
      topicData: [{ name: this.#topic, partitionData: [{ index, records }] }],
    })
    talk.tell(`${values.length} to ${index}`, talk.shown(answer.responses[0].partitionResponses[0]))
  }

  /** Acknowledgements for a partition: mostly of what the member has, or the other one. */
  #acknowledgements(member: Member, partition: number, more: readonly number[]) {
    const talk = this.#talk
    const whose = talk.chance(0.9) ? member : talk.oneOf(this.#members)
    const known = whose.acquired.filter(each => each.partition === partition)
    const at = known.length > 0 ? talk.oneOf(known) : undefined
    if (at === undefined) return []
    const firstOffset = at.first + talk.oneOf([0, 0, 0, 1])
    const lastOffset = Math.max(firstOffset, at.last - talk.oneOf([0, 0, 0, 1])) + (talk.chance(0.05) ? 2 : 0)
    const types = [1, 1, 1, 3, ...(talk.chance(0.1) ? [0] : []), ...more]
    const acknowledgeTypes =
      talk.chance(0.7) || lastOffset === firstOffset
        ? [talk.oneOf([...types, talk.chance(0.1) ? 7 : 1])]
        : Array.from({ length: lastOffset - firstOffset + (talk.chance(0.95) ? 1 : 2) }, () =>
            talk.oneOf(types),
          )
    return [{ firstOffset, lastOffset, acknowledgeTypes }]
  }

  #forget(
    member: Member,
    partition: number,
    batches: readonly { firstOffset: number; lastOffset: number }[],
  ): void {
    if (this.#talk.chance(0.1)) return
    for (const { firstOffset } of batches) {
      const at = member.acquired.findIndex(
        each => each.partition === partition && each.first <= firstOffset && firstOffset <= each.last,
      )
      if (at >= 0) member.acquired.splice(at, 1)
    }
  }

  #epoch(member: Member): number {
    const talk = this.#talk
    return talk.chance(0.93) ? member.session : talk.oneOf([member.session + 1, 0, -1, 5])
  }

  #partitions(member: Member, share: number, more: readonly number[]) {
    const talk = this.#talk
    return [0, 1]
      .slice(0, this.#count)
      .filter(() => talk.chance(share))
      .map(partitionIndex => ({
        partitionIndex,
        acknowledgementBatches: this.#acknowledgements(member, partitionIndex, more),
      }))
  }

  async #fetch(member: Member): Promise<void> {
    const talk = this.#talk
    const shareSessionEpoch = this.#epoch(member)
    const begins = shareSessionEpoch === 0
    const isRenewAck = talk.chance(0.1)
    // What is released here may come back at once, or later.
    const partitions = this.#partitions(member, begins ? 0.9 : 0.4, isRenewAck ? [4, 4, 4] : [])
    if (begins && talk.chance(0.9)) for (const each of partitions) each.acknowledgementBatches = []
    const forgotten = !begins && talk.chance(0.05) ? [0] : []
    const whole = this.#count === 2 || this.#transactional !== undefined
    const asked = {
      shareSessionEpoch,
      // With one partition there is no chance which one it is that comes.
      maxRecords: whole ? 500 : talk.oneOf([500, 500, 1, 2, 3]),
      batchSize: this.#transactional !== undefined ? 500 : talk.oneOf([500, 500, 1, 2]),
      shareAcquireMode: talk.oneOf([0, 0, 0, 1]),
      topics: partitions.length === 0 ? [] : [{ topicId: this.#topicId, partitions }],
      forgottenTopicsData: forgotten.length === 0 ? [] : [{ topicId: this.#topicId, partitions: forgotten }],
    }
    const version = isRenewAck ? 2 : talk.oneOf([1, 2])
    const more = isRenewAck && talk.chance(0.9) && { maxWaitMs: 0, minBytes: 0, maxBytes: 0, maxRecords: 0 }
    const answer = await member.ask('shareFetch', version, {
      groupId: this.#group,
      memberId: member.id,
      maxWaitMs: 300,
      minBytes: talk.oneOf([0, 1]),
      maxBytes: 1 << 20,
      isRenewAck,
      ...asked,
      ...more,
    })
    await this.#follow(member, shareSessionEpoch, answer.errorCode)
    await this.#passEnds(member, answer)
    for (const { partitions: told } of answer.responses) {
      for (const each of told) {
        for (const { firstOffset, lastOffset } of each.acquiredRecords) {
          member.acquired.push({ partition: each.partitionIndex, first: firstOffset, last: lastOffset })
        }
        // Kafka may bring records that it has acquired for nobody.
        each.records = each.acquiredRecords.length > 0 && each.records?.length > 0
        each.currentLeader = undefined
      }
    }
    for (const each of answer.responses) {
      each.partitions = each.partitions.filter(
        (one: any) => one.errorCode !== 0 || one.acknowledgeErrorCode !== 0 || one.acquiredRecords.length > 0,
      )
    }
    answer.responses = answer.responses.filter((each: any) => each.partitions.length > 0)
    for (const each of partitions) this.#forget(member, each.partitionIndex, each.acknowledgementBatches)
    talk.tell(
      `${member.id} fetches v${version}${isRenewAck ? ', renews' : ''} ${JSON.stringify(talk.shown(asked))}`,
      talk.shown(answer),
    )
  }

  /** Kafka has its clients acquire the ends of transactions, and say that there is nothing. */
  async #passEnds(member: Member, { errorCode, responses }: any): Promise<void> {
    if (this.#transactional === undefined || errorCode !== 0 || member.session === 0) return
    const partitions: { partitionIndex: number; acknowledgementBatches: object[] }[] = []
    for (const each of responses.flatMap((topic: any) => topic.partitions)) {
      const { partitionIndex, acquiredRecords } = each
      const ends = [...this.#transactional.ends[partitionIndex]!].toSorted((a, b) => a - b)
      const acquired = (at: number) => (one: any) => one.firstOffset <= at && at <= one.lastOffset
      const acknowledgementBatches = ends
        .filter(at => acquiredRecords.some(acquired(at)))
        .map(at => ({ firstOffset: at, lastOffset: at, acknowledgeTypes: [0] }))
      if (acknowledgementBatches.length > 0) partitions.push({ partitionIndex, acknowledgementBatches })
      for (const at of ends) {
        each.acquiredRecords = each.acquiredRecords.flatMap((one: any) =>
          acquired(at)(one)
            ? [
                { ...one, lastOffset: at - 1 },
                { ...one, firstOffset: at + 1 },
              ].filter(({ firstOffset, lastOffset }) => firstOffset <= lastOffset)
            : [one],
        )
      }
    }
    const answer = await member.ask('shareAcknowledge', 1, {
      groupId: this.#group,
      memberId: member.id,
      shareSessionEpoch: member.session++,
      topics: partitions.length === 0 ? [] : [{ topicId: this.#topicId, partitions }],
    })
    const errors = answer.responses.flatMap((topic: any) => topic.partitions.map((one: any) => one.errorCode))
    this.#talk.tell('ends', [answer.errorCode, ...errors.filter((code: number) => code !== 0)])
  }

  async #acknowledge(member: Member): Promise<void> {
    const talk = this.#talk
    const shareSessionEpoch = this.#epoch(member)
    const isRenewAck = talk.chance(0.2)
    const more = isRenewAck ? [4, 4, 4] : talk.chance(0.05) ? [4] : [2, 2]
    const partitions = this.#partitions(member, 0.8, more).filter(
      each => each.acknowledgementBatches.length > 0,
    )
    const asked = {
      shareSessionEpoch,
      isRenewAck,
      topics: partitions.length === 0 ? [] : [{ topicId: this.#topicId, partitions }],
    }
    const version = talk.oneOf([1, 2])
    const answer = await member.ask('shareAcknowledge', version, {
      groupId: this.#group,
      memberId: member.id,
      ...asked,
    })
    await this.#follow(member, shareSessionEpoch, answer.errorCode)
    for (const each of answer.responses) for (const one of each.partitions) one.currentLeader = undefined
    for (const each of partitions) this.#forget(member, each.partitionIndex, each.acknowledgementBatches)
    talk.tell(
      `${member.id} acknowledges v${version} ${JSON.stringify(talk.shown(asked))}`,
      talk.shown(answer),
    )
  }

  async #follow(member: Member, epoch: number, errorCode: number): Promise<void> {
    if (errorCode === 0) member.session = epoch + 1
    if (epoch === -1 || errorCode === 122 || errorCode === 123) member.session = 0
    if (epoch !== -1 || errorCode !== 0) return
    member.acquired.splice(0)
    // Kafka releases what a member has after it has answered.
    await sleep(50)
  }

  async #offsets(): Promise<void> {
    const talk = this.#talk
    const topicName = talk.oneOf([this.#topic, this.#topic, 'nowhere'])
    const groupId = this.#group
    const answer = talk.chance(0.5)
      ? await talk.ask('alterShareGroupOffsets', 0, {
          groupId,
          topics: [{ topicName, partitions: [{ partitionIndex: talk.oneOf([0, 7]), startOffset: 1 }] }],
        })
      : await talk.ask('deleteShareGroupOffsets', 0, { groupId, topics: [{ topicName }] })
    talk.tell(`offsets of ${groupId} ${topicName}`, talk.shown(answer))
  }

  async #describe(): Promise<void> {
    const talk = this.#talk
    const { groups } = await talk.ask('shareGroupDescribe', 1, {
      groupIds: [this.#group, `${this.#group}-none`],
    })
    const shown: unknown[] = groups.map(({ errorCode, groupState, members }: any) => [
      errorCode,
      errorCode === 0 ? groupState : '',
      members.map(({ memberId, subscribedTopicNames }: any) => `${memberId} ${subscribedTopicNames}`).sort(),
    ])
    talk.tell('groups', shown.sort())
  }

  // --- at the end ---------------------------------------------------------------------------------------------------

  async #addPartition(): Promise<void> {
    const talk = this.#talk
    const topics = [{ name: this.#topic, count: 3, assignments: null }]
    const { results } = await talk.ask('createPartitions', 3, { topics })
    talk.tell('add a partition', results[0].errorCode)
    await talk.settled()
    await this.#produce(2)
    const member = talk.oneOf(this.#members)
    const partitions = [{ partitionIndex: 2, acknowledgementBatches: [] }]
    // Kafka lets the group read it when the coordinator has written that it does.
    const { responses } = await talk.eventually(
      async () => {
        const { groupId, memberId } = { groupId: this.#group, memberId: member.id }
        const beat = { groupId, memberId, memberEpoch: member.epoch }
        const { memberEpoch, errorCode } = await member.ask('shareGroupHeartbeat', 1, beat)
        if (errorCode === 0) member.epoch = memberEpoch
        return member.ask('shareFetch', 1, {
          groupId,
          memberId,
          shareSessionEpoch: 0,
          maxWaitMs: 100,
          minBytes: 1,
          maxRecords: 500,
          batchSize: 500,
          topics: [{ topicId: this.#topicId, partitions }],
        })
      },
      answer => !answer.responses[0]?.partitions[0].acquiredRecords.length,
    )
    talk.tell('of that', responses[0]?.partitions[0].acquiredRecords)
  }

  async #deleteTopic(): Promise<void> {
    const talk = this.#talk
    const { responses } = await talk.ask('deleteTopics', 6, { topics: [{ name: this.#topic }] })
    talk.tell('delete topic', responses[0].errorCode)
    await talk.settled()
    // Kafka has no answer to who fetches it.
    for (const member of this.#members) await this.#acknowledge(member)
    await this.#offsets()
  }

  // Kafka goes by that only when all members' connections have ended.
  async #alterOffsets(): Promise<void> {
    const talk = this.#talk
    for (const member of this.#members) {
      const left = await talk.ask('shareGroupHeartbeat', 1, {
        groupId: this.#group,
        memberId: member.id,
        memberEpoch: -1,
      })
      talk.tell(`${member.id} leaves`, left.errorCode)
    }
    await talk.settled()
    for (let i = 0; i < 3; i++) await this.#offsets()
    const partitions = [talk.below(2), 0].map((startOffset, partitionIndex) => ({
      partitionIndex,
      startOffset,
    }))
    const topics = [{ topicName: this.#topic, partitions }]
    const altered = await talk.ask('alterShareGroupOffsets', 0, { groupId: this.#group, topics })
    talk.tell(`alter ${JSON.stringify(topics)}`, talk.shown(altered))
    await this.#describeOffsets(this.#group)
  }

  /** Of a group that there is not yet. */
  async #alterNew(): Promise<void> {
    const talk = this.#talk
    const groupId = `${this.#group}-none`
    const partitions = talk.some(() => ({
      partitionIndex: talk.oneOf([0, 1, 7]),
      startOffset: 0,
    }))
    const topics = [
      { topicName: talk.oneOf([this.#topic, this.#topic, 'nowhere']), partitions: partitions.slice(0, 1) },
    ]
    if (talk.chance(0.2)) topics.splice(0)
    const altered = await talk.ask('alterShareGroupOffsets', 0, { groupId, topics })
    talk.tell(`alter ${JSON.stringify(topics)}`, talk.shown(altered))
    await this.#describe()
    await this.#describeOffsets(groupId)
    const { groups } = await talk.ask('listGroups', 5, { statesFilter: [], typesFilter: [] })
    talk.tell(
      'listed',
      groups.filter((each: any) => each.groupId === groupId),
    )
    const deleted = await talk.ask('deleteShareGroupOffsets', 0, {
      groupId,
      topics: [{ topicName: this.#topic }],
    })
    talk.tell('deleted', talk.shown(deleted))
    const { results } = await talk.ask('deleteGroups', 2, { groupsNames: [groupId] })
    talk.tell('deleted', talk.shown(results))
  }

  async #describeOffsets(groupId: string): Promise<void> {
    // Of a partition that there is not in a topic that there is, Kafka asks itself again for half a minute.
    const topics = [
      { topicName: this.#topic, partitions: [0, 1] },
      { topicName: 'nowhere', partitions: [0, 1, 7] },
    ]
    const { groups } = await this.#talk.ask('describeShareGroupOffsets', 1, { groups: [{ groupId, topics }] })
    this.#talk.tell('offsets', this.#talk.shown(groups))
  }
}
