import { setTimeout as sleep } from 'node:timers/promises'
import { readAssignment, readSubscription, writeAssignment } from '../../../src/server/consumer-protocol.ts'
import { subscription } from '../../helpers/consumer-protocol.ts'
import type { Ask } from '../kafka-and-served.ts'
import type { Talk } from './talk.ts'
import { type TopicPartitions, TopicsAndGroups } from './topics-and-groups.ts'

const [illegalGeneration, unknownMember, rebalances, idRequired, noGroup] = [22, 25, 27, 79, 69]
const [fenced, unreleased] = [110, 111]
const counts: Readonly<Record<string, number>> = { x: 4, y: 3 }
const topics = Object.keys(counts)

/** A member, by either protocol: what it wants, and what it has. */
interface Client {
  readonly name: string
  readonly isClassic: boolean
  readonly instanceId: string | null
  readonly ask: Ask
  /** What it wants to read; undefined while it does not want to be a member. */
  wants: readonly string[] | undefined
  protocols: readonly string[]
  memberId: string
  /** The generation, or the member epoch. */
  epoch: number
  chosen: string
  phase: 'out' | 'joining' | 'syncing' | 'member'
  /** Of a leader. */
  members: readonly {
    readonly memberId: string
    readonly groupInstanceId: string
    readonly metadata: Buffer
  }[]
  owned: readonly TopicPartitions[]
  read: string
  waits: boolean
}

/** A group between the two protocols: its members do as they should, and administrators do as they like. */
export class MixedGroup {
  readonly #talk: Talk
  readonly #known: TopicsAndGroups
  readonly #group: string
  readonly #clients: readonly Client[]

  constructor(talk: Talk) {
    this.#talk = talk
    this.#known = new TopicsAndGroups(talk)
    this.#group = `${talk.name}-g`
    this.#clients = [
      // In the order of these: of what is not static, each broker draws the ids.
      ['a', true, 'a'],
      ['b', true, 'b'],
      ['c', true, 'c'],
      ['d', true, 'd'],
      ['k', false, null],
      ['l', false, null],
      ['t', false, 't'],
    ].map(([name, isClassic, instanceId]) => ({
      name: name as string,
      isClassic: isClassic as boolean,
      instanceId: instanceId as string | null,
      ask: talk.connect(name as string),
      wants: undefined,
      protocols: ['range'],
      memberId: '',
      epoch: 0,
      chosen: '',
      phase: 'out',
      members: [],
      owned: [],
      read: '',
      waits: false,
    }))
  }

  async converse(steps: number): Promise<void> {
    await this.#known.findCoordinators([this.#group])
    for (const [name, count] of Object.entries(counts)) await this.#known.create(name, count)
    for (let i = 0; i < steps; i++) {
      await this.#step()
      await this.#settle()
      await this.#describe()
    }
  }

  async #step(): Promise<void> {
    const talk = this.#talk
    const client = talk.oneOf(this.#clients)
    const dice = talk.below(100)
    if (client.phase === 'out' && dice < 70) await this.#start(client)
    else if (dice < 35) await this.#stop(client)
    else if (dice < 50) this.#resubscribe(client)
    else if (dice < 65) await this.#commit(client)
    else if (dice < 70) await this.#commitInTransaction(client)
    else if (dice < 76) await this.#remove()
    else if (dice < 84) await this.#deleteOffsets()
    else if (dice < 88) await this.#delete()
    else if (dice < 94) await this.#commitAsNobody()
    else await this.#wrongJoin()
  }

  // --- what is done -------------------------------------------------------------------------------------------------

  async #start(client: Client): Promise<void> {
    client.wants = this.#talk.oneOf([['x'], ['x', 'y'], ['y']])
    client.protocols = this.#talk.oneOf([['range'], ['range', 'other'], ['other']])
    client.phase = 'joining'
    this.#talk.tell('start', `${client.name} ${client.wants} ${client.protocols}`)
  }

  async #stop(client: Client): Promise<void> {
    if (client.phase !== 'member') return
    const { name, memberId, instanceId } = client
    const [groupId, groupInstanceId] = [this.#group, instanceId]
    let errorCode: unknown
    if (client.isClassic) {
      const version = instanceId === null ? this.#talk.below(6) : this.#talk.oneOf([3, 4, 5])
      const members = [{ memberId, groupInstanceId }]
      const answer = await client.ask('leaveGroup', version, { groupId, memberId, members })
      errorCode = version < 3 ? answer.errorCode : [answer.errorCode, answer.members[0]?.errorCode]
    } else {
      const asked = { groupId, memberId, instanceId, memberEpoch: -1 }
      errorCode = (await client.ask('consumerGroupHeartbeat', 1, asked)).errorCode
    }
    this.#talk.tell('stop', [name, errorCode])
    forget(client)
  }

  #resubscribe(client: Client): void {
    if (client.phase !== 'member') return
    const wants = this.#talk.oneOf([['x'], ['x', 'y'], ['y']])
    this.#talk.tell('wants', `${client.name} ${wants}`)
    if (client.isClassic && String(wants) !== String(client.wants)) client.phase = 'joining'
    client.wants = wants
  }

  async #commit(client: Client): Promise<void> {
    const talk = this.#talk
    const version = 2 + talk.below(9)
    const [name, partitionIndex, committedOffset] = [talk.oneOf(topics), talk.below(3), talk.below(100)]
    const wrong = talk.chance(0.2) ? talk.oneOf([1, -1, 100]) : 0
    const groupInstanceId = talk.chance(0.7) ? client.instanceId : talk.oneOf([null, 'other'])
    // A member here commits only what it has.
    const has = client.read.includes(`${name}${partitionIndex} `)
    if (client.phase !== 'member' || !has || isOlder(client, wrong)) return
    const answer = await client.ask('offsetCommit', version, {
      groupId: this.#group,
      generationIdOrMemberEpoch: client.epoch + wrong,
      memberId: client.memberId,
      groupInstanceId,
      topics: [{ name, topicId: this.#known.idOf(name), partitions: [{ partitionIndex, committedOffset }] }],
    })
    talk.tell(
      `${client.name}/${version >= 7 && groupInstanceId} v${version} commits ${name}-${partitionIndex}@${committedOffset} ${wrong}`,
      answer.topics[0].partitions[0].errorCode,
    )
  }

  /** What it has, in a transaction that ends at once. */
  async #commitInTransaction(client: Client): Promise<void> {
    const talk = this.#talk
    const [version, name, partitionIndex] = [3 + talk.below(3), talk.oneOf(topics), talk.below(3)]
    const [committedOffset, wrong] = [talk.below(100), talk.chance(0.3) ? talk.oneOf([1, -1, 100]) : 0]
    const [committed, isNamed] = [talk.chance(0.7), talk.chance(0.8)]
    const has = client.read.includes(`${name}${partitionIndex} `)
    if (client.phase !== 'member' || !has || isOlder(client, wrong)) return
    const passing = ({ errorCode }: any) => [14, 15, 16, 51].includes(errorCode)
    const transactionalId = talk.name
    await talk.eventually(
      () => talk.ask('findCoordinator', 4, { keyType: 1, coordinatorKeys: [transactionalId] }),
      ({ coordinators }) => passing(coordinators[0]),
    )
    const { producerId, producerEpoch } = await talk.eventually(
      () =>
        talk.ask('initProducerId', 4, {
          transactionalId,
          transactionTimeoutMs: 60_000,
          producerId: -1,
          producerEpoch: -1,
        }),
      passing,
    )
    const producer = { transactionalId, producerId, producerEpoch }
    const groupId = this.#group
    // Since KIP-890 the commit itself says that the group takes part.
    if (version < 5)
      await talk.eventually(() => talk.ask('addOffsetsToTxn', 3, { ...producer, groupId }), passing)
    const identity = isNamed
      ? {
          memberId: client.memberId,
          generationIdOrMemberEpoch: client.epoch + wrong,
          groupInstanceId: client.instanceId,
        }
      : { memberId: '', generationIdOrMemberEpoch: -1, groupInstanceId: null }
    const answer = await talk.eventually(
      () =>
        talk.ask('txnOffsetCommit', version, {
          ...producer,
          groupId,
          ...identity,
          topics: [{ name, partitions: [{ partitionIndex, committedOffset, committedMetadata: '' }] }],
        }),
      ({ topics: [topic] }) => passing(topic.partitions[0]),
    )
    const ended = await talk.eventually(
      () => talk.ask('endTxn', version, { ...producer, committed }),
      passing,
    )
    await talk.eventually(
      () => talk.ask('offsetFetch', 9, { groups: [{ groupId, topics: null }], requireStable: true }),
      ({ groups }) =>
        groups[0].topics.some((each: any) => each.partitions.some((one: any) => one.errorCode !== 0)),
    )
    talk.tell(
      `${isNamed ? client.name : 'nobody'} ${committed ? 'commits' : 'aborts'} v${version} ${name}-${partitionIndex}@${committedOffset} ${wrong} in a transaction`,
      [answer.topics[0].partitions[0].errorCode, ended.errorCode],
    )
  }

  async #commitAsNobody(): Promise<void> {
    const talk = this.#talk
    const [name, version] = [talk.oneOf(topics), talk.oneOf([2, 6, 8, 9])]
    const [memberId, generationIdOrMemberEpoch] = talk.oneOf<[string, number]>([
      ['', -1],
      ['nobody', 1],
      ['nobody', -1],
      ['', 1],
    ])
    // A member that commits for a group that does not exist hears another error.
    const { groups } = await talk.ask('listGroups', 5, {})
    const isThere = groups.some((each: any) => each.groupId === this.#group)
    if (!isThere && (memberId !== '' || generationIdOrMemberEpoch >= 0)) return
    const answer = await talk.ask('offsetCommit', version, {
      groupId: this.#group,
      generationIdOrMemberEpoch,
      memberId,
      topics: [{ name, partitions: [{ partitionIndex: 0, committedOffset: talk.below(100) }] }],
    })
    talk.tell(
      `'${memberId}' v${version} commits at ${generationIdOrMemberEpoch}`,
      answer.topics[0].partitions[0].errorCode,
    )
  }

  /** An administrator has members leave. */
  async #remove(): Promise<void> {
    const talk = this.#talk
    const gone = new Set(talk.some(() => talk.oneOf(this.#clients)))
    // Of members of both protocols that are the last ones, Kafka's group stays what it was.
    const stays = this.#clients.some(each => each.phase === 'member' && !gone.has(each))
    if (gone.size > 1 && !stays) return
    const version = talk.oneOf([3, 4, 5])
    const members = [...gone].map(({ memberId, instanceId }) =>
      instanceId !== null && talk.chance(0.7)
        ? { memberId: '', groupInstanceId: instanceId }
        : { memberId: memberId || 'nobody', groupInstanceId: null },
    )
    const answer = await talk.ask('leaveGroup', version, { groupId: this.#group, members })
    talk.tell(`${[...gone].map(each => each.name)} are removed v${version}`, [
      answer.errorCode,
      answer.members.map((each: any, i: number) => [
        [...gone][i]!.name,
        each.groupInstanceId,
        each.errorCode,
      ]),
    ])
    // They stay away.
    for (const [i, client] of [...gone].entries()) if (answer.members[i]?.errorCode === 0) forget(client)
  }

  async #deleteOffsets(): Promise<void> {
    const talk = this.#talk
    const asked = talk.some(() => ({
      name: talk.oneOf([...topics, 'nowhere']),
      partitions: [{ partitionIndex: talk.below(4) }],
    }))
    const topicsAsked = [...new Map(asked.map(each => [each.name, each])).values()]
    const answer = await talk.ask('offsetDelete', 0, { groupId: this.#group, topics: topicsAsked })
    talk.tell(`delete offsets ${JSON.stringify(topicsAsked)}`, this.#known.plain(answer))
  }

  async #delete(): Promise<void> {
    const groupsNames = this.#talk.oneOf([[this.#group], [this.#group, 'none'], ['none', '']])
    const answer = await this.#talk.ask('deleteGroups', this.#talk.below(3), { groupsNames })
    this.#talk.tell('delete', this.#known.plain(answer.results))
  }

  /** A client that does not fit. */
  async #wrongJoin(): Promise<void> {
    const talk = this.#talk
    if (this.#clients.every(each => each.phase !== 'member')) return
    const [protocolType, protocols] = talk.oneOf<[string, string[]]>([
      ['connect', ['range']],
      ['consumer', ['none']],
      ['consumer', []],
      ['', ['range']],
    ])
    const version = talk.oneOf([4, 5, 7, 9])
    const answer = await talk.ask('joinGroup', version, {
      groupId: this.#group,
      sessionTimeoutMs: 30_000,
      rebalanceTimeoutMs: 30_000,
      memberId: '',
      groupInstanceId: null,
      protocolType,
      protocols: protocols.map(name => ({ name, metadata: subscription(['x']) })),
    })
    talk.tell(`join as ${protocolType} with ${protocols} v${version}`, answer.errorCode)
  }

  // --- until nothing changes ----------------------------------------------------------------------------------------

  async #settle(): Promise<void> {
    for (let round = 0, quiet = 0; quiet < 4; round++) {
      if (round === 300) throw new Error(`still moving: ${this.#shown()}`)
      const before = this.#shown()
      for (const client of this.#clients) {
        if (client.phase === 'out' || client.waits) continue
        if (!client.isClassic) await this.#beatModern(client)
        else if (client.phase === 'joining') this.#late(client, this.#join(client))
        else if (client.phase === 'syncing') this.#late(client, this.#sync(client))
        else await this.#beatClassic(client)
      }
      await sleep(5)
      const rests = this.#clients.every(each => each.phase === 'out' || each.phase === 'member')
      quiet = rests && this.#shown() === before ? quiet + 1 : 0
    }
  }

  #shown(): string {
    return JSON.stringify(
      this.#clients.map(({ name, phase, epoch, read, wants }) => [name, phase, epoch, read, wants]),
    )
  }

  #late(client: Client, what: Promise<void>): void {
    client.waits = true
    void what.finally(() => {
      client.waits = false
    })
  }

  async #join(client: Client): Promise<void> {
    const { instanceId } = client
    const answer = await client.ask('joinGroup', 9, {
      groupId: this.#group,
      sessionTimeoutMs: 60_000,
      rebalanceTimeoutMs: 60_000,
      memberId: client.memberId,
      groupInstanceId: instanceId,
      protocolType: 'consumer',
      protocols: client.protocols.map(name => ({ name, metadata: subscription(client.wants!) })),
    })
    const { errorCode, memberId, generationId, members } = answer
    if (errorCode === 0) {
      client.memberId = memberId
      client.epoch = generationId
      client.chosen = answer.protocolName
      client.members = answer.leader === memberId ? members : []
      client.phase = 'syncing'
    } else if (errorCode === idRequired) client.memberId = memberId
    else if (errorCode === unknownMember) client.memberId = ''
    else this.#refuse(client, 'join', errorCode)
  }

  async #sync(client: Client): Promise<void> {
    const answer = await client.ask('syncGroup', 5, {
      groupId: this.#group,
      generationId: client.epoch,
      memberId: client.memberId,
      groupInstanceId: client.instanceId,
      protocolType: 'consumer',
      protocolName: client.chosen,
      assignments: assign(client.members),
    })
    const { errorCode } = answer
    if (errorCode === 0) {
      client.phase = 'member'
      const read = readAssignment(answer.assignment)
      client.read = read
        .map(({ topic, partition }) => `${topic}${partition} `)
        .sort()
        .join('')
    } else this.#rejoin(client, 'sync', errorCode)
  }

  async #beatClassic(client: Client): Promise<void> {
    const { errorCode } = await client.ask('heartbeat', 4, {
      groupId: this.#group,
      generationId: client.epoch,
      memberId: client.memberId,
      groupInstanceId: client.instanceId,
    })
    if (errorCode !== 0) this.#rejoin(client, 'heartbeat', errorCode)
  }

  #rejoin(client: Client, what: string, errorCode: number): void {
    if (errorCode !== rebalances && errorCode !== illegalGeneration && errorCode !== unknownMember) {
      this.#refuse(client, what, errorCode)
      return
    }
    if (errorCode !== rebalances) client.memberId = ''
    client.phase = 'joining'
  }

  async #beatModern(client: Client): Promise<void> {
    const joins = client.phase === 'joining'
    if (joins) Object.assign(client, { memberId: client.name, epoch: 0, owned: [], read: '' })
    const answer = await client.ask('consumerGroupHeartbeat', 1, {
      groupId: this.#group,
      memberId: client.memberId,
      instanceId: client.instanceId,
      memberEpoch: client.epoch,
      rebalanceTimeoutMs: 60_000,
      subscribedTopicNames: client.wants,
      topicPartitions: client.owned,
      serverAssignor: 'range',
    })
    const { errorCode, memberEpoch, assignment } = answer
    if (errorCode === 0) {
      client.phase = 'member'
      client.epoch = memberEpoch
      if (assignment === null) return
      client.owned = assignment.topicPartitions
      client.read = this.#known.names(client.owned)
    } else if ([unknownMember, noGroup, fenced].includes(errorCode)) client.phase = 'joining'
    else this.#refuse(client, 'heartbeat', errorCode)
  }

  #refuse(client: Client, what: string, errorCode: number): void {
    this.#talk.tell(`${client.name} ${what} is refused`, errorCode === unreleased ? 'unreleased' : errorCode)
    forget(client)
  }

  // --- what is told -------------------------------------------------------------------------------------------------

  async #describe(): Promise<void> {
    const talk = this.#talk
    talk.tell(
      'read',
      this.#clients.filter(each => each.phase === 'member').map(({ name, read }) => `${name}: ${read}`),
    )
    const listed = await talk.ask('listGroups', 5, {})
    const own = listed.groups.filter(({ groupId }: any) => groupId === this.#group)
    talk.tell('list', this.#known.plain(own))
    const { groups } = await talk.ask('consumerGroupDescribe', 1, { groupIds: [this.#group] })
    const { errorCode, groupState, assignorName, members } = groups[0]
    talk.tell('modern', [
      errorCode,
      groupState,
      // Kafka's group without members is at the default again.
      groupState === 'Empty' ? '' : assignorName,
      members
        .map((each: any) => [
          each.instanceId ?? each.memberId,
          each.memberType,
          each.subscribedTopicNames.toSorted(),
          this.#known.names(each.assignment.topicPartitions),
          this.#known.names(each.targetAssignment.topicPartitions),
        ])
        .toSorted(),
    ])
    const version = talk.oneOf([4, 5, 6])
    const [classic] = (await talk.ask('describeGroups', version, { groups: [this.#group] })).groups
    talk.tell(`classic v${version}`, [
      classic.errorCode,
      classic.groupState,
      classic.protocolType,
      classic.protocolData,
      classic.members
        .map((each: any) => [each.groupInstanceId, each.memberMetadata.length, each.memberAssignment.length])
        .toSorted(),
    ])
    const { groups: offsets } = await talk.ask('offsetFetch', 9, {
      groups: [{ groupId: this.#group, topics: null }],
    })
    talk.tell('offsets', this.#known.plain(offsets[0]))
  }
}

function forget(client: Client): void {
  Object.assign(client, {
    phase: 'out',
    memberId: '',
    epoch: 0,
    members: [],
    owned: [],
    read: '',
    wants: undefined,
  })
}

/** By range, in the order of the members' names, as all of them would. */
function assign(members: Client['members']) {
  const sorted = members.toSorted((one, other) => (one.groupInstanceId < other.groupInstanceId ? -1 : 1))
  return sorted.map(({ memberId }) => {
    const partitions = topics.flatMap(topic => {
      const readers = sorted.filter(each => subscribes(each.metadata, topic))
      const at = readers.findIndex(each => each.memberId === memberId)
      if (at < 0) return []
      const [count, all] = [readers.length, counts[topic]!]
      const from = Math.floor(all / count) * at + Math.min(at, all % count)
      const to = from + Math.floor(all / count) + (at < all % count ? 1 : 0)
      return Array.from({ length: to - from }, (_, i) => ({ topic, partition: from + i }))
    })
    return { memberId, assignment: writeAssignment(partitions) }
  })
}

function subscribes(metadata: Buffer, topic: string): boolean {
  return readSubscription(metadata)!.topics.includes(topic)
}

// A classic member here keeps its generation while others move, so the one before may be from before it got anything.
function isOlder({ isClassic }: Client, wrong: number): boolean {
  return isClassic && wrong === -1
}
