import type { Ask } from '../kafka-and-served.ts'
import type { Talk } from './talk.ts'
import { TopicsAndGroups } from './topics-and-groups.ts'

type Api = Parameters<Ask>[0]

// A member of a group that does not exist hears another error, after which its client joins anew.
const noGroup = new Set([22, 69])
const unknownMember = 25
const kinds = ['classic', 'consumer', 'share', 'streams'] as const
type Kind = (typeof kinds)[number]

/** Clients that take groups of all kinds for one of another kind, and administrators who list and describe them. */
export class GroupKinds {
  readonly #talk: Talk
  readonly #known: TopicsAndGroups
  readonly #groups: readonly string[]
  /** By group: of which kind its only member is, its id and its epoch. */
  readonly #members = new Map<string, { readonly kind: Kind; readonly id: string; epoch: number }>()

  constructor(talk: Talk) {
    this.#talk = talk
    this.#known = new TopicsAndGroups(talk)
    this.#groups = ['g', 'h', 'i'].map(each => `${talk.name}-${each}`)
  }

  async converse(steps: number): Promise<void> {
    const talk = this.#talk
    await this.#known.create(talk.name, 1)
    await talk.settled()
    await this.#known.findCoordinators(this.#groups)
    for (let i = 0; i < steps; i++) {
      const dice = talk.below(100)
      if (dice < 25) await this.#join(talk.oneOf(this.#groups), talk.oneOf(kinds))
      else if (dice < 35) await this.#leave(talk.oneOf(this.#groups))
      else if (dice < 50) await this.#describe()
      else if (dice < 60) await this.#list()
      else if (dice < 80) await this.#offsets()
      else if (dice < 88) await this.#shareOffsets()
      else if (dice < 92) await this.#delete()
      else await this.#beat()
    }
    await this.#list()
  }

  /** Asks, and tells nothing but errors and states. */
  async #tell(api: Api, version: number, request: object): Promise<any> {
    const answer = await this.#talk.ask(api, version, request)
    const isOfMember = /Heartbeat|offsetCommit|heartbeat|syncGroup|leaveGroup/.test(api)
    // How epochs grow is another talk.
    const what = JSON.stringify(this.#known.plain(request), (name, value) =>
      /epoch$/i.test(name) ? undefined : value,
    )
    this.#talk.tell(`${api} v${version} ${what}`, told(answer, isOfMember))
    return answer
  }

  #some(): string[] {
    const [g, h, i] = this.#groups as [string, string, string]
    return this.#talk.oneOf([[g], [h], [i], [g, h, i], [g, g], [h, `${this.#talk.name}-none`], ['']])
  }

  async #join(groupId: string, kind: Kind): Promise<void> {
    const id = memberId(groupId)
    const there = this.#members.get(groupId)
    // Only one at a time, so that nobody waits for another one.
    if (there?.kind === kind || (there !== undefined && isOfConsumers(kind) && isOfConsumers(there.kind)))
      return
    const { errorCode, memberEpoch = 0 } = await this.#tell(...this.#joining(groupId, kind, id))
    if (errorCode === 0 && there === undefined) this.#members.set(groupId, { kind, id, epoch: memberEpoch })
    if (kind === 'classic' && errorCode === 0 && there === undefined) await this.#lead(groupId)
  }

  #joining(groupId: string, kind: Kind, id: string): [Api, number, object] {
    const { name } = this.#talk
    const asked = { groupId, memberId: id, memberEpoch: 0, rebalanceTimeoutMs: 60_000 }
    const subscribedTopicNames = [name]
    const metadata = Buffer.concat([
      Buffer.from([0, 0, 0, 0, 0, 1, 0, name.length]),
      Buffer.from(name),
      Buffer.alloc(4),
    ])
    switch (kind) {
      case 'classic':
        return [
          'joinGroup',
          3,
          {
            ...asked,
            memberId: '',
            sessionTimeoutMs: 60_000,
            protocolType: 'consumer',
            protocols: [{ name: 'range', metadata }],
          },
        ]
      case 'consumer':
        return ['consumerGroupHeartbeat', 1, { ...asked, subscribedTopicNames, topicPartitions: [] }]
      case 'share':
        return ['shareGroupHeartbeat', 1, { ...asked, subscribedTopicNames }]
      case 'streams': {
        const subtopology = {
          subtopologyId: '0',
          sourceTopics: [name],
          sourceTopicRegex: [],
          stateChangelogTopics: [],
          repartitionSinkTopics: [],
          repartitionSourceTopics: [],
          copartitionGroups: [],
        }
        return [
          'streamsGroupHeartbeat',
          1,
          {
            ...asked,
            topology: { epoch: 0, subtopologies: [subtopology] },
            ...{ activeTasks: [], standbyTasks: [], warmupTasks: [], processId: 'p', clientTags: [] },
          },
        ]
      }
    }
  }

  async #lead(groupId: string): Promise<void> {
    const { groups } = await this.#talk.ask('describeGroups', 5, { groups: [groupId] })
    const [{ memberId: id }] = groups[0].members
    const assignments = [{ memberId: id, assignment: Buffer.alloc(10) }]
    await this.#talk.ask('syncGroup', 3, { groupId, generationId: 1, memberId: id, assignments })
  }

  async #leave(groupId: string): Promise<void> {
    const member = this.#members.get(groupId)
    if (member === undefined) return
    this.#members.delete(groupId)
    const { kind, id } = member
    if (kind === 'classic') {
      const { groups } = await this.#talk.ask('describeGroups', 5, { groups: [groupId] })
      const left = groups[0].members[0].memberId
      const { errorCode } = await this.#talk.ask('leaveGroup', 2, { groupId, memberId: left })
      this.#talk.tell(`leave ${groupId}`, errorCode)
    } else
      await this.#tell(`${kind}GroupHeartbeat`, kind === 'streams' ? 0 : 1, {
        groupId,
        memberId: id,
        memberEpoch: -1,
      })
  }

  async #beat(): Promise<void> {
    const talk = this.#talk
    const groupId = talk.oneOf(this.#groups)
    const member = this.#members.get(groupId)
    const asked = { groupId, memberId: memberId(groupId), memberEpoch: member?.epoch ?? 1 }
    const [api, version] = talk.oneOf([
      ['heartbeat', 3],
      ['syncGroup', 3],
      ['leaveGroup', 2],
      ['consumerGroupHeartbeat', 1],
      ['shareGroupHeartbeat', 1],
      ['streamsGroupHeartbeat', 0],
    ] as const)
    await this.#tell(api, version, { ...asked, generationId: 1, assignments: [], protocolType: 'consumer' })
  }

  async #describe(): Promise<void> {
    const talk = this.#talk
    const includeAuthorizedOperations = talk.chance(0.3)
    const ids = this.#some()
    const asked = { groups: ids, groupIds: ids, includeAuthorizedOperations }
    const [api, versions] = talk.oneOf([
      ['describeGroups', 7],
      ['consumerGroupDescribe', 2],
      ['shareGroupDescribe', 1],
      ['streamsGroupDescribe', 1],
    ] as const)
    const version = api === 'shareGroupDescribe' ? 1 : talk.below(versions)
    await this.#tell(api, version, asked)
  }

  async #list(): Promise<void> {
    const talk = this.#talk
    const version = talk.below(6)
    // What a version has no field for is not asked.
    const statesFilter =
      version < 4
        ? []
        : talk.oneOf([[], [], ['Empty'], ['STABLE', 'dead'], ['Assigning'], ['NotReady'], ['x']])
    const typesFilter =
      version < 5
        ? []
        : talk.oneOf([[], [], ['share'], ['streams', 'Share'], ['CLASSIC'], ['Unknown'], ['consumer', 'x']])
    const { errorCode, groups } = await talk.ask('listGroups', version, { statesFilter, typesFilter })
    const own = groups.filter(({ groupId }: any) => this.#groups.includes(groupId))
    talk.tell(`list v${version} ${statesFilter}, ${typesFilter}`, [errorCode, this.#known.plain(own)])
  }

  async #offsets(): Promise<void> {
    const talk = this.#talk
    const groupId = talk.oneOf(this.#groups)
    const dice = talk.below(3)
    const { topicId, name } = { name: talk.name, topicId: this.#known.idOf(talk.name) }
    if (dice === 0) {
      const isMember = talk.chance(0.3)
      const partitions = [{ partitionIndex: 0, committedOffset: 0, committedMetadata: null }]
      await this.#tell('offsetCommit', 2 + talk.below(9), {
        groupId,
        memberId: isMember ? memberId(groupId) : '',
        generationIdOrMemberEpoch: isMember ? (this.#members.get(groupId)?.epoch ?? 1) : -1,
        topics: [{ name, topicId, partitions }],
      })
    } else if (dice === 1) {
      const topics = talk.oneOf([null, [{ name, topicId, partitionIndexes: [0] }]])
      const isMember = talk.chance(0.3)
      const identity = isMember
        ? { memberId: memberId(groupId), memberEpoch: this.#members.get(groupId)?.epoch ?? 1 }
        : { memberId: null, memberEpoch: -1 }
      await this.#tell('offsetFetch', 8 + talk.below(3), { groups: [{ groupId, ...identity, topics }] })
    } else {
      const topics = [{ name, partitions: [{ partitionIndex: 0 }] }]
      await this.#tell('offsetDelete', 0, { groupId, topics })
    }
  }

  async #shareOffsets(): Promise<void> {
    const talk = this.#talk
    const groupId = talk.oneOf([...this.#groups, `${talk.name}-none`])
    const topicName = talk.oneOf([talk.name, talk.name, `${talk.name}-nowhere`])
    const dice = talk.below(3)
    // Kafka knows a topic once a member has subscribed to it, and not only when it is read.
    if (dice === 0) {
      const topics = [{ topicName, partitions: [0] }]
      await this.#tell('describeShareGroupOffsets', talk.below(2), { groups: [{ groupId, topics }] })
    } else if (dice === 1) {
      const topics = [{ topicName, partitions: [{ partitionIndex: 0, startOffset: 0 }] }]
      await this.#tell('alterShareGroupOffsets', 0, { groupId, topics })
    } else {
      const { errorCode } = await talk.ask('deleteShareGroupOffsets', 0, { groupId, topics: [{ topicName }] })
      talk.tell(`delete share offsets of ${groupId}`, errorCode)
    }
  }

  async #delete(): Promise<void> {
    const groupsNames = this.#some()
    await this.#tell('deleteGroups', this.#talk.below(3), { groupsNames })
  }
}

// Groups between these two have talks of their own.
function isOfConsumers(kind: Kind): boolean {
  return kind === 'classic' || kind === 'consumer'
}

function memberId(groupId: string): string {
  return Buffer.from(`${groupId}-member`.slice(-16).padStart(16)).toString('base64url')
}

const fields = new Set([
  'groupId',
  'groupState',
  'protocolType',
  'errorCode',
  'name',
  'topicName',
  'committedOffset',
  'startOffset',
])

function told(answer: any, isOfMember: boolean): unknown {
  if (Array.isArray(answer)) {
    const each = answer.map(one => told(one, isOfMember))
    return each.sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1))
  }
  const shown = Object.entries(answer).flatMap(([name, value]): [string, unknown][] => {
    if (name === 'errorCode' && isOfMember && noGroup.has(value as number)) return [[name, unknownMember]]
    if (name === 'members') return [[name, (value as unknown[]).length]]
    return fields.has(name) || (Array.isArray(value) && name !== 'status')
      ? [[name, Array.isArray(value) ? told(value, isOfMember) : value]]
      : []
  })
  return Object.fromEntries(shown)
}
