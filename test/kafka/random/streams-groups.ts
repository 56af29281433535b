import { toTaskIds } from '../../../src/server/streams/tasks.ts'
import type { Talk } from './talk.ts'
import { TopicsAndGroups } from './topics-and-groups.ts'

// A member of a group that does not exist hears another error, after which its client joins anew.
const noGroup = 69
const names = ['a', 'b']
const unknownMember = 25
const illegalGeneration = 22

/** What a thread was told last. */
interface Member {
  epoch: number
  active: readonly string[]
  standby: readonly string[]
}

type Said = Readonly<Record<string, unknown>>

/**
 * Threads of an application that join, go on, commit, and leave, right and wrong. There are so few of them, and so few
 * tasks, that it is not left to chance who gets which.
 */
export class StreamsThreads {
  readonly #talk: Talk
  readonly #known: TopicsAndGroups
  readonly #group: string
  readonly #topic: string
  readonly #isStateful: boolean
  readonly #members = new Map<string, Member>()
  /** Whether anybody has joined. */
  #isThere = false

  constructor(talk: Talk) {
    this.#talk = talk
    this.#known = new TopicsAndGroups(talk)
    this.#group = talk.name
    this.#topic = `${talk.name}-in`
    this.#isStateful = talk.chance(0.5)
  }

  async converse(steps: number): Promise<void> {
    const talk = this.#talk
    await this.#known.create(this.#topic, 2)
    if (this.#isStateful) await this.#known.create(`${this.#group}-changelog`, 2)
    await this.#standbys(this.#isStateful ? talk.below(2) : 0)
    await this.#known.findCoordinators([this.#group])
    await talk.settled()
    for (let i = 0; i < steps; i++) {
      const dice = talk.below(100)
      if (dice < 15) await this.#join()
      else if (dice < 60) await this.#goOn(this.#name())
      else if (dice < 68) await this.#leave()
      else if (dice < 76) await this.#commit(this.#name())
      else if (dice < 81) await this.#fetch(this.#name())
      else if (dice < 83) await this.#push(this.#name())
      else if (dice < 90) await this.#describe()
      else await this.#mistake(this.#name())
    }
    await this.#describe()
  }

  async #standbys(count: number): Promise<void> {
    const configs = [{ name: 'streams.num.standby.replicas', configOperation: 0, value: String(count) }]
    const resources = [{ resourceType: 32, resourceName: this.#group, configs }]
    await this.#talk.ask('incrementalAlterConfigs', 1, { resources })
  }

  #name(): string {
    return this.#talk.oneOf(names)
  }

  async #beat(what: string, memberId: string, said: Said): Promise<void> {
    const talk = this.#talk
    const member = this.#members.get(memberId)
    const version = talk.below(2)
    const request = { groupId: this.#group, memberId, memberEpoch: member?.epoch ?? 3, ...said }
    const answer = await talk.ask('streamsGroupHeartbeat', version, request)
    const errorCode = answer.errorCode === noGroup ? unknownMember : answer.errorCode
    const [active, standby, warmup] = [answer.activeTasks, answer.standbyTasks, answer.warmupTasks].map(named)
    const statuses = (answer.status ?? []).map(({ statusCode }: any) => statusCode).sort()
    const endpoints = talk.shown(answer.partitionsByUserEndpoint ?? null)
    talk.tell(`${what} v${version} ${JSON.stringify(request)}`, [
      ...[errorCode, answer.memberEpoch, active, standby, warmup, statuses],
      ...[answer.endpointInformationEpoch, endpoints],
    ])
    if (errorCode !== 0) return
    this.#isThere = true
    if (answer.memberEpoch < 0) this.#members.delete(memberId)
    else
      this.#members.set(memberId, {
        epoch: answer.memberEpoch,
        active: active ?? member?.active ?? [],
        standby: standby ?? member?.standby ?? [],
      })
  }

  #topology(epoch = 0, sourceTopics: readonly string[] = [this.#topic]): object {
    const changelog = {
      name: `${this.#group}-changelog`,
      partitions: 0,
      replicationFactor: 0,
      topicConfigs: [],
    }
    const stateChangelogTopics = this.#isStateful ? [changelog] : []
    return { epoch, subtopologies: [{ subtopologyId: '0', sourceTopics, stateChangelogTopics }] }
  }

  #joining(memberId: string): Said {
    return {
      memberEpoch: 0,
      topology: this.#topology(),
      rebalanceTimeoutMs: 60_000,
      // Which of its threads a process gives a task is left to chance.
      processId: `p-${memberId}`,
      ...{ activeTasks: [], standbyTasks: [], warmupTasks: [] },
    }
  }

  // Kafka deals out tasks in the order of the names of members here, and not in the order in which they came: so they come
  // in that order, and the last one goes first.
  async #join(): Promise<void> {
    const known = [...this.#members.keys()]
    const next = names.find(name => !known.includes(name))
    const memberId = next === undefined || this.#talk.chance(0.3) ? (known[0] ?? 'a') : next
    await this.#beat('join', memberId, this.#joining(memberId))
  }

  /** What it has, or has kept of it. */
  #owned(memberId: string): Said {
    const { active = [], standby = [] } = this.#members.get(memberId) ?? {}
    return { activeTasks: toTaskIds(active), standbyTasks: toTaskIds(standby), warmupTasks: [] }
  }

  async #goOn(memberId: string): Promise<void> {
    const talk = this.#talk
    const more = talk.oneOf<Said>([
      ...Array.from({ length: 10 }, () => ({})),
      { rackId: talk.oneOf(['r', 's']) },
      { clientTags: [{ key: 'zone', value: talk.oneOf(['x', 'y']) }] },
      { userEndpoint: { host: 'h', port: talk.oneOf([1, 2]) } },
      { rebalanceTimeoutMs: talk.oneOf([50_000, 60_000]) },
      { taskOffsets: [{ subtopologyId: '0', partition: 0, offset: 5 }] },
      { taskEndOffsets: [{ subtopologyId: '0', partition: 1, offset: 7 }] },
      { endpointInformationEpoch: talk.below(4) },
    ])
    await this.#beat('go on', memberId, { ...(talk.chance(0.75) && this.#owned(memberId)), ...more })
  }

  async #leave(): Promise<void> {
    const absent = names.filter(name => !this.#members.has(name))
    const last = names.findLast(name => this.#members.has(name))
    const memberId = this.#talk.oneOf([...absent.slice(0, 1), ...(last === undefined ? [] : [last, last])])
    // At Kafka one that leaves an empty group ends the application that begins next.
    const shutdownApplication = this.#talk.chance(0.1) && last !== undefined
    await this.#beat('leave', memberId, { memberEpoch: -1, shutdownApplication })
  }

  async #mistake(memberId: string): Promise<void> {
    const talk = this.#talk
    const epoch = this.#members.get(memberId)?.epoch ?? 1
    const of = (subtopologyId: string, partition: number) => ({
      ...{ activeTasks: [{ subtopologyId, partitions: [partition] }], standbyTasks: [], warmupTasks: [] },
    })
    const said = talk.oneOf<Said>([
      { memberEpoch: epoch + 1 },
      { memberEpoch: epoch - 1 },
      { memberEpoch: -2 },
      { memberEpoch: -3 },
      of('0', talk.below(3)),
      of('0', 9),
      of('0', -1),
      of('1', 0),
      { topology: this.#topology() },
      { activeTasks: [] },
      { rackId: '' },
      { instanceId: ' ' },
      { ...this.#joining(memberId), topology: null },
      { ...this.#joining(memberId), rebalanceTimeoutMs: -1 },
      ...(this.#members.size === 0
        ? []
        : [
            { ...this.#joining(memberId), topology: this.#topology(talk.oneOf([0, 1]), ['other']) },
            { ...this.#joining(memberId), topology: this.#topology(1) },
          ]),
      { ...this.#joining(memberId), ...of('0', 0) },
      { ...this.#joining(memberId), memberId: ' ' },
      { ...this.#joining(memberId), groupId: '' },
      { shutdownApplication: true },
    ])
    await this.#beat('mistake', memberId, said)
  }

  #epochs(memberId: string): number {
    const epoch = this.#members.get(memberId)?.epoch ?? 1
    return this.#talk.oneOf([epoch, epoch, epoch, epoch - 1, epoch - 2, epoch + 1, 0, -1])
  }

  async #commit(memberId: string): Promise<void> {
    const talk = this.#talk
    const indexes = talk.oneOf([[0], [1], [0, 1], [7]])
    const request = {
      groupId: this.#group,
      memberId: talk.chance(0.9) ? memberId : '',
      generationIdOrMemberEpoch: this.#epochs(memberId),
      topics: [
        {
          name: talk.chance(0.9) ? this.#topic : `${this.#topic}-nowhere`,
          partitions: indexes.map(partitionIndex => ({
            partitionIndex,
            committedOffset: talk.below(9),
            committedMetadata: '',
          })),
        },
      ],
    }
    const version = talk.oneOf([8, 9])
    const answer = await talk.ask('offsetCommit', version, request)
    for (const each of answer.topics.flatMap(({ partitions }: any) => partitions)) {
      const isNoGroup = each.errorCode === noGroup || each.errorCode === illegalGeneration
      if (!this.#isThere && isNoGroup) each.errorCode = unknownMember
    }
    talk.tell(`commit v${version} ${JSON.stringify(request)}`, this.#known.plain(answer))
  }

  async #fetch(memberId: string): Promise<void> {
    const talk = this.#talk
    const identity = talk.oneOf([
      { memberId: null, memberEpoch: -1 },
      { memberId, memberEpoch: this.#epochs(memberId) },
    ])
    const topics = [{ name: this.#topic, partitionIndexes: [0, 1] }]
    const request = { groups: [{ groupId: this.#group, ...identity, topics }] }
    const answer = await talk.ask('offsetFetch', 9, request)
    for (const each of answer.groups) if (each.errorCode === noGroup) each.errorCode = unknownMember
    talk.tell(`fetch ${JSON.stringify(request)}`, this.#known.plain(answer))
  }

  /** Describes its topology, for which Kafka has to have a plugin. */
  async #push(memberId: string): Promise<void> {
    const talk = this.#talk
    const nodes = talk.some(() => ({
      name: talk.oneOf(['source', '']),
      nodeType: talk.oneOf([1, 2, 9]),
      sourceTopics: [this.#topic],
    }))
    await talk.hear('streamsGroupTopologyDescriptionUpdate', 0, {
      groupId: talk.oneOf([this.#group, this.#group, '']),
      memberId: talk.oneOf([memberId, memberId, '', 'nobody']),
      topologyEpoch: talk.oneOf([0, 0, 1, -1]),
      topologyDescription: { subtopologies: talk.oneOf([[], [{ subtopologyId: '0', nodes }]]) },
    })
  }

  async #describe(): Promise<void> {
    const talk = this.#talk
    const version = talk.below(2)
    const includeTopologyDescription = talk.chance(0.5)
    const asked = { groupIds: [this.#group], ...(version > 0 && { includeTopologyDescription }) }
    const { groups } = await talk.ask('streamsGroupDescribe', version, asked)
    const [{ topologyDescriptionStatus, assignorName }] = groups
    const [{ errorCode, groupState, groupEpoch, assignmentEpoch, topology, members }] = groups
    const shown = members.map((each: any) => [
      ...[each.memberId, each.memberEpoch, each.topologyEpoch, each.processId, each.rackId],
      ...[each.assignment, each.targetAssignment].flatMap(tasks =>
        [tasks.activeTasks, tasks.standbyTasks, tasks.warmupTasks].map(named),
      ),
      ...[each.clientTags, each.userEndpoint, each.taskOffsets, each.taskEndOffsets],
    ])
    talk.tell(`describe v${version} ${JSON.stringify(asked)}`, [
      ...[errorCode, groupState, groupEpoch, assignmentEpoch, topologyDescriptionStatus, assignorName],
      // How many partitions internal topics have is told a moment later.
      ...[topology?.subtopologies.map(({ sourceTopics }: any) => sourceTopics), shown.sort()],
    ])
    const { groups: listed } = await talk.ask('listGroups', 5, { statesFilter: [], typesFilter: ['streams'] })
    talk.tell(
      'listed',
      listed.filter(({ groupId }: any) => groupId === this.#group).map(({ groupState: state }: any) => state),
    )
  }
}

function named(taskIds: any): string[] | undefined {
  return taskIds
    ?.flatMap(({ subtopologyId, partitions }: any) =>
      partitions.map((each: number) => `${subtopologyId}_${each}`),
    )
    .sort()
}
