import type { Talk } from './talk.ts'
import { type TopicPartitions, TopicsAndGroups } from './topics-and-groups.ts'

const groupIdNotFound = 69
const unknownMember = 25

const topics = ['x', 'y']

async function createTopics(known: TopicsAndGroups): Promise<void> {
  await known.create(topics[0]!, 4)
  await known.create(topics[1]!, 3)
}

/** Waits until groups know the topics, some time after everybody else. */
export async function prepare(talk: Talk): Promise<void> {
  const known = new TopicsAndGroups(talk)
  await createTopics(known)
  await known.findCoordinators(['probe'])
  let probes = 0
  await talk.eventually(
    () =>
      talk.ask('consumerGroupHeartbeat', 1, {
        groupId: `probe-${probes++}`,
        memberId: 'probe',
        memberEpoch: 0,
        rebalanceTimeoutMs: 1000,
        subscribedTopicNames: topics,
        topicPartitions: [],
      }),
    answer => answer.assignment?.topicPartitions.length !== topics.length,
  )
}

interface Said {
  readonly memberEpoch?: number
  readonly subscribedTopicNames?: readonly string[] | null
  readonly topicPartitions?: readonly TopicPartitions[] | null
  readonly rebalanceTimeoutMs?: number
  readonly serverAssignor?: string | null
}

interface Member {
  readonly id: string
  readonly instanceId: string | null
  /** The epochs that it was told, the last one last; none while it is no member. */
  epochs: number[]
  /** What it was told to have, by topic id. */
  assigned: readonly TopicPartitions[]
  /** Whether the last answer moved it to another epoch: if it was lost, the epoch before counts. */
  moved: boolean
  subscribed: readonly string[]
}

function forget(member: Member): void {
  member.epochs = []
  member.assigned = []
  member.subscribed = []
}

/** Members of one group that assigns (KIP-848), also those that are fenced, late, or wrong. */
export class Members {
  readonly #talk: Talk
  readonly #known: TopicsAndGroups
  readonly #group: string
  readonly #topics: readonly string[]
  readonly #members: readonly Member[]
  readonly #assignor: string | null

  // A static member that comes back is at a new epoch, at Kafka at that of the one that went.
  readonly #epochs: boolean

  constructor(talk: Talk, { assignor, replaced = false }: { assignor: string | null; replaced?: boolean }) {
    this.#talk = talk
    this.#epochs = !replaced
    this.#known = new TopicsAndGroups(talk)
    this.#group = `${talk.name}-g`
    this.#topics = topics
    this.#assignor = assignor
    this.#members = [
      ['a', null],
      ['b', null],
      ['c', null],
      ['s1', 's'],
      ['t1', 't'],
      ...(replaced ? [['s2', 's']] : []),
    ].map(([id, instanceId]) => ({
      id: id!,
      instanceId: instanceId!,
      epochs: [],
      assigned: [],
      moved: false,
      subscribed: [],
    }))
  }

  async converse(steps: number): Promise<void> {
    await this.#known.findCoordinators([this.#group])
    await createTopics(this.#known)
    for (let i = 0; i < steps; i++) await this.#step()
    await this.#settle()
    await this.#describe()
  }

  async #step(): Promise<void> {
    const talk = this.#talk
    const member = talk.oneOf(this.#members)
    const dice = talk.below(100)
    if (member.epochs.length === 0 ? dice < 60 : dice < 4) await this.#join(member)
    else if (dice < 62) await this.#beat(member, this.#someEpoch(member), this.#someOwned(member))
    else if (dice < 68) await this.#subscribe(member)
    else if (dice < 76) await this.#leave(member)
    else if (dice < 84) await this.#commit(member)
    else if (dice < 88) await this.#fetch(member)
    else if (dice < 90) await this.#invalid(member)
    else if (dice < 92) await this.#delete()
    else {
      await this.#settle()
      await this.#describe()
    }
  }

  // Mostly the present one.
  #someEpoch({ epochs, moved }: Member): number {
    const talk = this.#talk
    const epoch = epochs.at(-1) ?? 1
    if (talk.chance(0.85)) return epoch
    if (!this.#epochs) return epoch + 100
    return talk.oneOf([epoch + 1, 1, moved ? (epochs.at(-2) ?? 1) : 1])
  }

  #someOwned(member: Member): readonly TopicPartitions[] | null {
    const talk = this.#talk
    const { assigned } = member
    if (talk.chance(0.4)) return null
    if (talk.chance(0.75)) return assigned
    if (talk.chance(0.5)) return []
    if (talk.chance(0.5)) return assigned.slice(1)
    return [{ topicId: this.#known.idOf(talk.oneOf([...this.#topics, 'no such'])), partitions: [0, 2] }]
  }

  #someTopics(): string[] {
    const [x, y] = this.#topics as [string, string]
    return this.#talk.oneOf([[x], [x, y], [x, y], [y], [y, x], []])
  }

  async #join(member: Member): Promise<void> {
    // Who joins and wants nothing does not count as a change at Kafka, and the group's epoch stays.
    const { subscribed } = member
    const named = this.#someTopics()
    const subscribedTopicNames = named.length > 0 || subscribed.length > 0 ? named : topics
    await this.#heartbeat(member, {
      memberEpoch: 0,
      rebalanceTimeoutMs: 60_000,
      subscribedTopicNames,
      topicPartitions: [],
      serverAssignor: this.#assignor,
    })
  }

  async #beat(
    member: Member,
    memberEpoch: number,
    topicPartitions: readonly TopicPartitions[] | null,
  ): Promise<void> {
    await this.#heartbeat(member, { memberEpoch, topicPartitions })
  }

  async #subscribe(member: Member): Promise<void> {
    const whole = this.#talk.chance(0.5) ? { rebalanceTimeoutMs: 60_000 } : {}
    await this.#heartbeat(member, {
      memberEpoch: this.#someEpoch(member),
      subscribedTopicNames: this.#someTopics(),
      topicPartitions: this.#someOwned(member),
      ...whole,
    })
  }

  async #leave(member: Member): Promise<void> {
    const comesBack = !this.#epochs && member.instanceId !== null && this.#talk.chance(0.7)
    await this.#heartbeat(member, { memberEpoch: comesBack ? -2 : -1 })
  }

  // What a request leaves out, or has too much.
  async #invalid(member: Member): Promise<void> {
    const joining = {
      memberEpoch: 0,
      rebalanceTimeoutMs: 1000,
      subscribedTopicNames: [],
      topicPartitions: [],
    }
    await this.#heartbeat(
      member,
      this.#talk.oneOf<object>([
        { ...joining, rebalanceTimeoutMs: -1 },
        { ...joining, subscribedTopicNames: null },
        { ...joining, topicPartitions: null },
        { ...joining, topicPartitions: [{ topicId: this.#known.idOf(this.#topics[0]!), partitions: [0] }] },
        { ...joining, serverAssignor: 'none' },
        { ...joining, memberId: '' },
        { ...joining, groupId: '' },
        { ...joining, instanceId: '' },
        { ...joining, rackId: '' },
        { memberEpoch: -2, instanceId: null },
        { memberEpoch: -3 },
        { memberEpoch: 1, memberId: '' },
        { memberEpoch: 1, memberId: 'no such' },
        { memberEpoch: 1, instanceId: 'no such' },
        { memberEpoch: -1, memberId: 'no such' },
        { memberEpoch: -1, instanceId: 'no such' },
        { memberEpoch: 1, serverAssignor: '' },
      ]),
    )
  }

  async #heartbeat(member: Member, said: Said): Promise<any> {
    const request = { groupId: this.#group, memberId: member.id, instanceId: member.instanceId, ...said }
    // In the first version a broker draws ids.
    const version = request.memberId === '' ? 1 : this.#talk.below(2)
    const answer = await this.#talk.ask('consumerGroupHeartbeat', version, request)
    if (answer.errorCode === groupIdNotFound) answer.errorCode = unknownMember
    this.#talk.tell(`${member.id} ${this.#show(this.#withoutEpochs(said))}`, this.#told(answer))
    if (answer.errorCode === 0) this.#take(member, said, answer)
    else if (answer.errorCode === unknownMember || answer.errorCode === 110) {
      forget(member)
    }
    return answer
  }

  #take(member: Member, said: Said, answer: any): void {
    if (answer.memberEpoch < 0) {
      forget(member)
      return
    }
    member.moved = member.epochs.at(-1) !== answer.memberEpoch
    if (member.moved) member.epochs.push(answer.memberEpoch)
    if (answer.assignment !== null) member.assigned = this.#known.sorted(answer.assignment.topicPartitions)
    if (said.subscribedTopicNames) member.subscribed = said.subscribedTopicNames
  }

  #withoutEpochs(what: object): object {
    if (this.#epochs) return what
    const plain = (name: string, value: unknown) => (/epoch/i.test(name) && (value as number) > 0 ? 1 : value)
    return JSON.parse(JSON.stringify(what, plain))
  }

  #show(request: object): string {
    return JSON.stringify(this.#known.plain(request))
  }

  #told({ errorCode, errorMessage, memberId, memberEpoch, heartbeatIntervalMs, assignment }: any): unknown {
    if (errorCode !== 0) return [errorCode, errorMessage !== null]
    const epoch = this.#epochs || memberEpoch < 0 ? memberEpoch : 'its epoch'
    return [memberId, epoch, heartbeatIntervalMs, this.#known.plain(assignment)]
  }

  async #commit(member: Member): Promise<void> {
    const talk = this.#talk
    const topic = talk.oneOf(this.#topics)
    const topicId = this.#known.idOf(topic)
    const own = member.assigned.find(each => each.topicId === topicId)?.partitions ?? []
    if (own.length === 0) return
    const partitionIndex = talk.oneOf(own)
    const epoch = this.#someEpoch(member)
    const committedOffset = talk.below(100)
    const version = talk.oneOf([10, 9, 9, 7, 2])
    const answer = await talk.ask('offsetCommit', version, {
      groupId: this.#group,
      memberId: member.id,
      generationIdOrMemberEpoch: epoch,
      groupInstanceId: talk.chance(0.5) ? member.instanceId : null,
      topics: [
        { name: topic, topicId, partitions: [{ partitionIndex, committedOffset, committedMetadata: '' }] },
      ],
    })
    const { errorCode } = answer.topics[0].partitions[0]
    const told = errorCode === groupIdNotFound ? unknownMember : errorCode
    talk.tell(
      `${member.id} at ${this.#epochs ? epoch : 'its epoch'} commits v${version} ${topic} ${partitionIndex}@${committedOffset}`,
      told,
    )
  }

  async #fetch(member: Member): Promise<void> {
    const anonymous = !this.#epochs || this.#talk.chance(0.2)
    const identity = anonymous ? {} : { memberId: member.id, memberEpoch: this.#someEpoch(member) }
    const request = { groups: [{ groupId: this.#group, ...identity, topics: null }] }
    const answer = await this.#talk.ask('offsetFetch', this.#talk.oneOf([9, 10]), request)
    this.#talk.tell(`fetch ${this.#show(this.#withoutEpochs(identity))}`, this.#known.plain(answer.groups[0]))
  }

  async #delete(): Promise<void> {
    const { results } = await this.#talk.ask('deleteGroups', 2, { groupsNames: [this.#group] })
    this.#talk.tell('delete', results[0].errorCode)
  }

  // A Kafka assigns, and notices what is free, as the members' heartbeats come.
  async #settle(): Promise<void> {
    for (let i = 0; i < 4; i++)
      for (const member of this.#members)
        if (member.epochs.length > 0) await this.#beat(member, member.epochs.at(-1)!, member.assigned)
  }

  async #describe(): Promise<void> {
    // Then nobody's heartbeat makes a Kafka assign.
    if (this.#members.every(({ epochs }) => epochs.length === 0)) return
    const { groups } = await this.#talk.ask('consumerGroupDescribe', 1, { groupIds: [this.#group] })
    // What a member that is away is to have comes to it here before it is back, and at Kafka then.
    for (const each of groups[0].members) if (each.memberEpoch === -2) each.assignment = null
    // Who is silent stays behind the new epoch of one that came back, see the differences.
    const silent = new Set(this.#members.filter(({ epochs }) => epochs.length === 0).map(({ id }) => id))
    const behind = !this.#epochs && groups[0].members.some((each: any) => silent.has(each.memberId))
    if (behind) groups[0].groupState = ''
    this.#talk.tell('describe', this.#known.plain(this.#withoutEpochs(groups[0])))
    const listed = await this.#talk.ask('listGroups', 5, {})
    const own = listed.groups.filter(({ groupId }: any) => groupId === this.#group)
    if (behind) for (const each of own) each.groupState = ''
    this.#talk.tell('list', this.#known.plain(own))
  }
}
