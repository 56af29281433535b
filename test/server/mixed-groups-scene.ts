import { afterEach } from 'vitest'
import { topic } from '../../src/index.ts'
import { readAssignment, writeAssignment } from '../../src/server/consumer-protocol.ts'
import { connect } from '../../src/server/index.ts'
import { apis } from '../../src/server/protocol/apis.ts'
import type { Api } from '../../src/server/protocol/message.ts'
import { TestBroker } from '../../src/testing/index.ts'
import { subscription } from '../helpers/consumer-protocol.ts'
import { WireClient } from '../helpers/wire-client.ts'

const { consumerGroupHeartbeat, heartbeat, joinGroup, leaveGroup, offsetCommit, syncGroup } =
  apis as unknown as Readonly<Record<string, Api>>

export const errors = {
  ILLEGAL_GENERATION: 22,
  INCONSISTENT_GROUP_PROTOCOL: 23,
  UNKNOWN_MEMBER_ID: 25,
  REBALANCE_IN_PROGRESS: 27,
  GROUP_ID_NOT_FOUND: 69,
  MEMBER_ID_REQUIRED: 79,
  FENCED_INSTANCE_ID: 82,
  UNRELEASED_INSTANCE_ID: 111,
}

const brokers: TestBroker<any>[] = []
afterEach(async () => {
  for (const broker of brokers.splice(0)) await broker.close()
})

export const places = (partitions: readonly number[]) =>
  partitions.map(partition => ({ topic: 'orders', partition }))

/** A client of the classic protocol, which says what the test lets it say. */
export class Classic {
  readonly #client: WireClient
  readonly #groupInstanceId: string | null
  memberId = ''
  generationId = -1

  constructor(client: WireClient, groupInstanceId: string | null = null) {
    this.#client = client
    this.#groupInstanceId = groupInstanceId
  }

  get identity() {
    const { memberId, generationId } = this
    return { groupId: 'g', memberId, generationId, groupInstanceId: this.#groupInstanceId }
  }

  /** Begins anew. */
  forget(): void {
    this.memberId = ''
    this.generationId = -1
  }

  /** Joins with what it has; first of all it is given an id. */
  async join(owned: readonly number[] = [], more: object = {}): Promise<any> {
    const joined = await this.#client.call(joinGroup!, 9, {
      ...this.identity,
      sessionTimeoutMs: 10_000,
      rebalanceTimeoutMs: 30_000,
      protocolType: 'consumer',
      protocols: [{ name: 'range', metadata: subscription(['orders'], places(owned)) }],
      ...more,
    })
    if (joined.memberId !== '') this.memberId = joined.memberId
    if (joined.errorCode === errors.MEMBER_ID_REQUIRED) return this.join(owned, more)
    if (joined.errorCode === 0) this.generationId = joined.generationId
    return joined
  }

  /** Asks for its assignment, having made those of others where it leads. */
  async sync(assignments: Readonly<Record<string, readonly number[]>> = {}): Promise<any> {
    const answer = await this.#client.call(syncGroup!, 5, {
      ...this.identity,
      protocolType: 'consumer',
      protocolName: 'range',
      assignments: Object.entries(assignments).map(([memberId, partitions]) => ({
        memberId,
        assignment: writeAssignment(places(partitions)),
      })),
    })
    return answer.errorCode || readAssignment(answer.assignment).map(({ partition }) => partition)
  }

  /** Leads a group alone. */
  async lead(): Promise<this> {
    await this.join()
    await this.sync({ [this.memberId]: [0, 1, 2, 3] })
    return this
  }

  async beat(): Promise<number> {
    return (await this.#client.call(heartbeat!, 4, this.identity)).errorCode
  }

  async commit(partition: number, offset = 1): Promise<number> {
    const { generationId, ...identity } = this.identity
    const partitions = [{ partitionIndex: partition, committedOffset: offset, committedMetadata: '' }]
    const answer = await this.#client.call(offsetCommit!, 8, {
      ...identity,
      generationIdOrMemberEpoch: generationId,
      topics: [{ name: 'orders', partitions }],
    })
    return answer.topics[0].partitions[0].errorCode
  }

  async leave(memberId = this.memberId): Promise<number> {
    const members = [{ memberId, groupInstanceId: this.#groupInstanceId }]
    const answer = await this.#client.call(leaveGroup!, 5, { groupId: 'g', members })
    return answer.members[0].errorCode
  }
}

/** A broker with a topic of four partitions, and members of each kind for the group 'g'. */
export function start() {
  const broker = new TestBroker({ topics: { orders: topic({ partitions: 4 }) } })
  brokers.push(broker)
  const { id } = broker.topic('orders')
  const client = new WireClient(connect(broker))
  const classic = (groupInstanceId?: string) => new Classic(new WireClient(connect(broker)), groupInstanceId)
  /** A heartbeat of a KIP-848 client; the answer is its epoch and what it has, or an error's number. */
  const beat = async (memberId: string, memberEpoch: number, has?: readonly number[], more: object = {}) => {
    const topicPartitions = has && (has.length > 0 ? [{ topicId: id, partitions: has }] : [])
    const answer = await client.call(consumerGroupHeartbeat!, 1, {
      groupId: 'g',
      memberId,
      memberEpoch,
      ...(topicPartitions === undefined ? {} : { topicPartitions }),
      ...more,
    })
    if (answer.errorCode !== 0) return answer.errorCode
    const given = answer.assignment?.topicPartitions.flatMap(
      (each: { partitions: number[] }) => each.partitions,
    )
    return { epoch: answer.memberEpoch, given }
  }
  const join = (memberId: string, more: object = {}) =>
    beat(memberId, 0, [], { rebalanceTimeoutMs: 60_000, subscribedTopicNames: ['orders'], ...more })
  const own = (more: object = {}) => broker.consumer({ groupId: 'g', topics: ['orders'], ...more })
  return { broker, client, classic, beat, join, own }
}
