import { toTaskIds } from '../../../src/server/streams/tasks.ts'
import type { Talk } from './talk.ts'
import { TopicsAndGroups } from './topics-and-groups.ts'

const missingInternalTopics = 3
const memberId = 'a'
const topicConfig = 2

/** The only thread of an application whose topology does not fit its topics now and then, right and wrong. */
export class StreamsTopologies {
  readonly #talk: Talk
  readonly #known: TopicsAndGroups
  readonly #group: string
  readonly #sources: readonly [string, string]
  readonly #internal: readonly [repartition: string, changelog: string]
  /** The topics that there are, with how many partitions each has. */
  readonly #counts = new Map<string, number>()
  #memberEpoch = 0
  #topologyEpoch = 0
  #active: readonly string[] = []

  constructor(talk: Talk) {
    this.#talk = talk
    this.#known = new TopicsAndGroups(talk)
    this.#group = talk.name
    this.#sources = [`${talk.name}-in1`, `${talk.name}-in2`]
    this.#internal = [`${talk.name}-repartition`, `${talk.name}-changelog`]
  }

  async converse(rounds: number): Promise<void> {
    const talk = this.#talk
    await this.#known.findCoordinators([this.#group])
    for (const name of this.#sources) if (talk.chance(0.85)) await this.#create(name)
    for (const name of this.#internal) if (talk.chance(0.25)) await this.#create(name)
    await talk.settled()
    for (let i = 0; i < rounds; i++) {
      await this.#join()
      for (const _ of talk.some(() => 0)) {
        if (this.#memberEpoch <= 0) break
        await this.#change()
        await this.#settle()
      }
      await this.#leave()
      this.#topologyEpoch += talk.below(2)
    }
  }

  async #create(name: string): Promise<void> {
    const count = 1 + this.#talk.below(3)
    await this.#known.create(name, count)
    this.#counts.set(name, count)
    this.#talk.tell(`create ${name}`, count)
  }

  /** Something else about its topics. */
  async #change(): Promise<void> {
    const talk = this.#talk
    const name = talk.oneOf([...this.#sources, ...this.#sources, ...this.#internal])
    const count = await this.#count(name)
    if (count === 0) await this.#create(name)
    else if (talk.chance(0.6)) {
      const topics = [{ name, count: count + 1, assignments: null }]
      const { results } = await talk.ask('createPartitions', 3, { topics })
      talk.tell(`grow ${name}`, results[0].errorCode)
    } else {
      await this.#known.delete(name)
      talk.tell(`delete ${name}`, '')
    }
    await talk.settled()
  }

  async #count(name: string): Promise<number> {
    const asked = { topics: [{ name }], allowAutoTopicCreation: false }
    const { topics } = await this.#talk.ask('metadata', 12, asked)
    return topics[0].partitions.length
  }

  #internalTopic(name: string) {
    const talk = this.#talk
    const config = talk.oneOf([
      { key: 'cleanup.policy', value: 'compact' },
      { key: 'retention.ms', value: '-1' },
      { key: 'segment.ms', value: talk.chance(0.8) ? '1000' : 'x' },
    ])
    return {
      name: talk.chance(0.95) ? name : 'no spaces',
      partitions: talk.oneOf([0, 0, 0, 2, 3]),
      replicationFactor: talk.oneOf([0, 1]),
      topicConfigs: talk.chance(0.4) ? [config] : [],
    }
  }

  /** One subtopology, or two with a topic between them. */
  #subtopologies() {
    const talk = this.#talk
    const [[in1, in2], [repartition, changelog]] = [this.#sources, this.#internal]
    const none = { sourceTopicRegex: [], repartitionSinkTopics: [], repartitionSourceTopics: [] }
    const isSplit = talk.chance(0.5)
    const together = { sourceTopics: [0, 1], sourceTopicRegex: [], repartitionSourceTopics: [] }
    const first = {
      ...none,
      subtopologyId: '0',
      sourceTopics: talk.oneOf([[in1], [in1, in2]]),
      stateChangelogTopics: talk.chance(0.4) ? [this.#internalTopic(changelog)] : [],
      repartitionSinkTopics: isSplit ? [repartition] : [],
      copartitionGroups: [] as object[],
    }
    if (first.sourceTopics.length > 1 && talk.chance(0.6)) first.copartitionGroups = [together]
    if (!isSplit) return [first]
    const joins = talk.chance(0.3)
    const second = {
      ...none,
      subtopologyId: '1',
      sourceTopics: joins ? [in2] : [],
      stateChangelogTopics: first.stateChangelogTopics.length > 0 ? [] : [this.#internalTopic(changelog)],
      repartitionSourceTopics: [this.#internalTopic(repartition)],
      copartitionGroups:
        joins && talk.chance(0.8)
          ? [{ sourceTopics: [0], sourceTopicRegex: [], repartitionSourceTopics: [0] }]
          : [],
    }
    return [first, second]
  }

  async #join(): Promise<void> {
    const talk = this.#talk
    const subtopologies = this.#subtopologies()
    talk.tell('topology', subtopologies)
    this.#memberEpoch = 0
    this.#active = []
    const { errorCode } = await this.#beat({
      topology: { epoch: this.#topologyEpoch, subtopologies },
      rebalanceTimeoutMs: 60_000,
      processId: 'p',
      ...{ activeTasks: [], standbyTasks: [], warmupTasks: [] },
    })
    talk.tell('join', errorCode)
    if (errorCode === 0) await this.#settle()
  }

  // Of a group that does not exist Kafka tells another error.
  async #leave(): Promise<void> {
    if (this.#memberEpoch <= 0) return
    const { errorCode } = await this.#beat({ memberEpoch: -1 })
    this.#talk.tell('leave', errorCode)
    this.#memberEpoch = 0
  }

  async #beat(said: object): Promise<any> {
    const asked = { groupId: this.#group, memberId, memberEpoch: this.#memberEpoch, ...said }
    const answer = await this.#talk.ask('streamsGroupHeartbeat', 1, asked)
    if (answer.errorCode === 0) this.#memberEpoch = answer.memberEpoch
    if (answer.activeTasks) this.#active = named(answer.activeTasks)
    return answer
  }

  // Kafka makes internal topics after it has answered, and tells of them later.
  async #settle(): Promise<void> {
    const talk = this.#talk
    let before = ''
    let same = 0
    const last = await talk.eventually(
      async () => {
        const owned = { activeTasks: toTaskIds(this.#active), standbyTasks: [], warmupTasks: [] }
        const { errorCode, status } = await this.#beat(owned)
        const isMaking = status?.some(({ statusCode }: any) => statusCode === missingInternalTopics)
        const statuses = (status ?? []).map(({ statusCode }: any) => statusCode)
        const told = JSON.stringify([errorCode, statuses, this.#active])
        same = told === before && !isMaking ? same + 1 : 0
        before = told
        return { told, isSettled: same > 10 || errorCode !== 0 }
      },
      ({ isSettled }) => !isSettled,
    )
    talk.tell('has', last.told)
    await this.#describe()
  }

  async #describe(): Promise<void> {
    const talk = this.#talk
    const { groups } = await talk.ask('streamsGroupDescribe', 1, { groupIds: [this.#group] })
    const { errorCode, groupState, topology } = groups[0]
    // How many partitions internal topics have is told a moment later.
    const subtopologies = topology?.subtopologies ?? []
    for (const { repartitionSourceTopics, stateChangelogTopics } of subtopologies)
      for (const each of [...repartitionSourceTopics, ...stateChangelogTopics]) each.partitions = 0
    talk.tell('describe', [errorCode, groupState, talk.shown(topology)])
    const counts = []
    for (const name of this.#internal) counts.push([await this.#count(name), await this.#configs(name)])
    talk.tell('internal topics', counts)
  }

  /** Those that are its own. */
  async #configs(resourceName: string): Promise<string[]> {
    const resources = [{ resourceType: topicConfig, resourceName, configurationKeys: null }]
    const { results } = await this.#talk.ask('describeConfigs', 4, { resources })
    return results[0].configs
      .filter(({ configSource }: any) => configSource === 1)
      .map(({ name, value }: any) => `${name}=${value}`)
      .sort()
  }
}

function named(taskIds: any): string[] {
  return taskIds
    .flatMap(({ subtopologyId, partitions }: any) =>
      partitions.map((each: number) => `${subtopologyId}_${each}`),
    )
    .sort()
}
