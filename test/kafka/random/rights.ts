import type { Ask } from '../kafka-and-served.ts'
import { RightsRequests } from './rights-requests.ts'
import type { Talk } from './talk.ts'
import { TopicsAndGroups } from './topics-and-groups.ts'

const [ofTopic, ofGroup, ofCluster, ofTransaction] = [2, 3, 4, 5]
const [literal, prefixed] = [3, 4]
const [denied, allowed] = [2, 3]
// COORDINATOR_LOAD_IN_PROGRESS, COORDINATOR_NOT_AVAILABLE, NOT_COORDINATOR, CONCURRENT_TRANSACTIONS
const passing = new Set([14, 15, 16, 51])
// Who is no member of a group that does not exist hears another error.
const noGroup = 69
const unknownMember = 25

/** A user whose rights come and go, and who asks for everything. */
export class UserWithRights {
  readonly #talk: Talk
  readonly #lot: RightsRequests
  readonly #user: string
  readonly #ask: Ask

  constructor(talk: Talk, user: string) {
    this.#talk = talk
    this.#lot = new RightsRequests(talk)
    this.#user = user
    this.#ask = talk.connect(user)
  }

  async converse(steps: number): Promise<void> {
    await this.#prepare()
    for (let i = 0; i < steps; i++) {
      if (i % 12 === 0) await this.#change()
      await this.#try()
    }
    await this.#take()
  }

  /** Topics with a record, and groups of all kinds that have a member or an offset. */
  async #prepare(): Promise<void> {
    const talk = this.#talk
    const { topics, groups, ids } = this.#lot
    const known = new TopicsAndGroups(talk)
    for (const name of topics) {
      await known.create(name, 1)
      ids.set(name, known.idOf(name))
      talk.topicNumber(known.idOf(name))
    }
    await talk.settled()
    await known.findCoordinators(groups)
    await talk.eventually(
      () =>
        talk.ask('findCoordinator', 4, { keyType: 1, coordinatorKeys: [`${talk.name}-x`, `${talk.name}-y`] }),
      ({ coordinators }) => coordinators.some((each: any) => passing.has(each.errorCode)),
    )
    const [consumer, share, streams, empty] = groups as [string, string, string, string]
    const joining = { memberId: 'AAAAAAAAAAAAAAAAAAAAAA', memberEpoch: 0, rebalanceTimeoutMs: 60_000 }
    const subscribedTopicNames = topics
    await talk.ask('consumerGroupHeartbeat', 1, {
      groupId: consumer,
      ...joining,
      subscribedTopicNames,
      topicPartitions: [],
    })
    await this.#joined('shareGroupHeartbeat', { groupId: share, ...joining, subscribedTopicNames })
    const left = { groupId: this.#lot.shareGroup(), ...joining, subscribedTopicNames }
    await this.#joined('shareGroupHeartbeat', left)
    await talk.ask('shareGroupHeartbeat', 1, { ...left, memberEpoch: -1 })
    const subtopology = { subtopologyId: '0', sourceTopics: topics.slice(0, 1) }
    await this.#joined('streamsGroupHeartbeat', {
      ...{ groupId: streams, ...joining, topology: { epoch: 0, subtopologies: [subtopology] } },
      ...{ activeTasks: [], standbyTasks: [], warmupTasks: [], processId: 'p', clientTags: [] },
    })
    const partitions = [{ partitionIndex: 0, committedOffset: 0, committedMetadata: '' }]
    await talk.ask('offsetCommit', 8, {
      groupId: empty,
      memberId: '',
      generationIdOrMemberEpoch: -1,
      topics: topics.map(name => ({ name, partitions })),
    })
  }

  // A Kafka gives what there is with a later heartbeat.
  async #joined(api: 'shareGroupHeartbeat' | 'streamsGroupHeartbeat', joining: object): Promise<void> {
    let memberEpoch = 0
    const beat = async () => {
      const answer = await this.#talk.ask(api, 1, { ...joining, memberEpoch })
      memberEpoch = answer.memberEpoch
      return answer
    }
    await this.#talk.eventually(
      beat,
      answer => !(answer.assignment ?? answer).topicPartitions?.length && !answer.activeTasks?.length,
    )
  }

  async #change(): Promise<void> {
    const talk = this.#talk
    await this.#take()
    const creations = Array.from({ length: talk.below(9) }, () => this.#acl())
    await talk.ask('createAcls', 3, { creations })
    await talk.settled()
    const told = creations.map(each => [
      ...[each.resourceType, each.resourceName, each.resourcePatternType],
      ...[each.operation, each.permissionType],
    ])
    talk.tell(`${this.#user} may`, told)
  }

  async #take(): Promise<void> {
    const any = { resourceTypeFilter: 1, resourceNameFilter: null, patternTypeFilter: 1, hostFilter: null }
    const filter = { ...any, principalFilter: `User:${this.#user}`, operation: 1, permissionType: 1 }
    await this.#talk.ask('deleteAcls', 3, { filters: [filter] })
    await this.#talk.settled()
  }

  #acl() {
    const talk = this.#talk
    const [resourceType, operations] = talk.oneOf([
      [ofTopic, [3, 4, 5, 6, 7, 8, 10, 11, 2]],
      [ofTopic, [3, 4, 8]],
      [ofGroup, [3, 6, 8, 10, 11, 2]],
      [ofGroup, [3, 8]],
      [ofTransaction, [4, 8, 2]],
      [ofCluster, [5, 6, 7, 8, 9, 10, 11, 12, 2]],
    ] as const)
    const [resourceName, resourcePatternType] = this.#pattern(resourceType)
    return {
      ...{ resourceType, resourceName, resourcePatternType },
      ...{ principal: talk.chance(0.9) ? `User:${this.#user}` : 'User:eve', host: '*' },
      operation: talk.oneOf<number>(operations),
      permissionType: talk.chance(0.88) ? allowed : denied,
    }
  }

  #pattern(resourceType: number): readonly [name: string, type: number] {
    const talk = this.#talk
    if (resourceType === ofCluster) return ['kafka-cluster', literal]
    const name =
      resourceType === ofTopic
        ? this.#lot.topic()
        : resourceType === ofGroup
          ? this.#lot.group()
          : this.#lot.transactionalId()
    return talk.oneOf([
      [name, literal],
      [name, literal],
      [`${talk.name}-`, prefixed],
      ['*', literal],
    ])
  }

  async #try(): Promise<void> {
    const [api, version, request] = this.#lot.draw()
    const answer = await this.#talk.eventually(
      () => this.#ask(api, version, request),
      each => passing.has(each.errorCode),
    )
    // Kafka has offsets of what was subscribed to and never read.
    if (api === 'deleteShareGroupOffsets')
      for (const each of answer.responses)
        if ([none, unknownTopic].includes(each.errorCode))
          Object.assign(each, { errorCode: none, topicId: '' })
    const what = JSON.stringify(this.#told(request))
    this.#talk.tell(`${api} v${version} ${what}`, this.#told(answer))
  }

  /** Errors, names and rights: all else is told in other conversations. */
  #told(answer: unknown): unknown {
    return this.#talk.shown(pruned(answer, this.#talk.name))
  }
}

const [none, unknownTopic] = [0, 3]

const told =
  /errorCode$|operations$|^(name|topic|topicName|topicId|key|groupId|groupState|transactionalId|transactionState|resourceName|resourceType|partitionIndex|partition|isInternal)$/i
// What is in them is told in other conversations.
const counted = new Set(['configs', 'members'])

function pruned(value: any, name: string): any {
  if (Array.isArray(value)) return value.filter(each => isOf(each, name)).map(each => pruned(each, name))
  if (typeof value !== 'object' || value === null || Buffer.isBuffer(value)) return value
  const fields = Object.entries(value).flatMap(([field, each]): [string, unknown][] => {
    if (counted.has(field)) return [[field, (each as unknown[] | null)?.length === 0]]
    if (told.test(field)) return [[field, each === noGroup ? unknownMember : each]]
    return typeof each === 'object' ? [[field, pruned(each, name)]] : []
  })
  return Object.fromEntries(fields)
}

// Other conversations have topics and groups, too.
function isOf(each: any, name: string): boolean {
  const named = each?.groupId ?? each?.transactionalId ?? each?.name ?? each?.topicName ?? each?.resourceName
  if (typeof named !== 'string' || named === '') return true
  return named.startsWith(`${name}-`) && named !== `${name}-settled`
}
