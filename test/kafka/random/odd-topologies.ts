import type { Talk } from './talk.ts'
import { noMember, TopicsAndGroups } from './topics-and-groups.ts'

const kafkaFails = -1

/** Threads that join, each in an application of its own, with topologies that are mostly not what they should be. */
export class OddTopologies {
  readonly #talk: Talk
  readonly #known: TopicsAndGroups
  readonly #topics: readonly [string, string]
  #groups = 0

  constructor(talk: Talk) {
    this.#talk = talk
    this.#known = new TopicsAndGroups(talk)
    this.#topics = [`${talk.name}-a`, `${talk.name}-b`]
  }

  async converse(steps: number): Promise<void> {
    for (const name of this.#topics) await this.#known.create(name, 2)
    await this.#talk.settled()
    for (let i = 0; i < steps; i++) await this.#join()
  }

  async #join(): Promise<void> {
    const talk = this.#talk
    const groupId = `${talk.name}-${this.#groups++}`
    await this.#known.findCoordinators([groupId])
    const said: object = this.#odd({
      ...{ groupId, memberId: 'a', memberEpoch: 0, rebalanceTimeoutMs: 60_000, processId: 'p' },
      ...{ activeTasks: [], standbyTasks: [], warmupTasks: [] },
      topology: { epoch: talk.oneOf([0, 0, 0, 1, -1]), subtopologies: this.#subtopologies(groupId) },
    })
    const { errorCode, status } = await talk.ask('streamsGroupHeartbeat', talk.below(2), said)
    // What Kafka fails at is refused here.
    const fails = errorCode === kafkaFails || (this.#hasFailing(said) && errorCode !== 0)
    talk.tell(JSON.stringify(said), fails ? 'refused' : errorCode)
    const { groups } = await talk.ask('streamsGroupDescribe', 1, { groupIds: [groupId] })
    const [{ errorCode: describeError, topology, members }] = groups
    const told = topology?.subtopologies.map(({ subtopologyId, sourceTopics }: any) => [
      subtopologyId,
      sourceTopics,
    ])
    talk.tell('described', [describeError, topology?.epoch, told, members.length])
    // What is missing is made after the answer at Kafka.
    if (errorCode === 0) talk.tell('status', (status ?? []).map(codeOf).filter(isOfSources).sort())
    const left = await talk.ask('streamsGroupHeartbeat', 0, { groupId, memberId: 'a', memberEpoch: -1 })
    talk.tell('left', noMember.has(left.errorCode) ? 'no member' : left.errorCode)
  }

  /** What is no mistake that Kafka looks for: such a request is an unknown error to it. */
  #hasFailing({ clientTags = [], topology: { epoch, subtopologies } }: any): boolean {
    if (epoch < 0 || clientTags.length > 1) return true
    const isTwice = (names: readonly unknown[]) => new Set(names).size < names.length
    if (isTwice(subtopologies.map(({ subtopologyId }: any) => subtopologyId))) return true
    return subtopologies.some(
      ({ sourceTopics, stateChangelogTopics, repartitionSourceTopics, copartitionGroups }: any) =>
        isTwice(stateChangelogTopics.map(({ name }: any) => name)) ||
        repartitionSourceTopics.some(({ partitions }: any) => partitions < 0) ||
        copartitionGroups.some(
          (group: any) =>
            group.sourceTopics.some((index: number) => sourceTopics[index] === undefined) ||
            group.repartitionSourceTopics.some(
              (index: number) => repartitionSourceTopics[index] === undefined,
            ),
        ),
    )
  }

  /**
   * The rest of a request, which is checked before or after what it says of the topology. It names no endpoint: with one
   * Kafka fails where a source is missing.
   */
  #odd(said: object): any {
    const task = [{ subtopologyId: '0', partitions: [0] }]
    const more = this.#talk.oneOf<object>([
      ...Array.from({ length: 8 }, () => ({})),
      { standbyTasks: null },
      { activeTasks: task },
      { warmupTasks: task },
      { rebalanceTimeoutMs: -1 },
      { rebalanceTimeoutMs: this.#talk.oneOf([-2, 0]) },
      { memberEpoch: 1 },
      { memberEpoch: -1 },
      { processId: this.#talk.oneOf([null, '']) },
      { clientTags: [1, 2].map(each => ({ key: 'zone', value: `${each}` })) },
    ])
    return { ...said, ...more }
  }

  #subtopologies(groupId: string): object[] {
    const talk = this.#talk
    if (talk.chance(0.05)) return []
    const count = talk.oneOf([1, 1, 2])
    return Array.from({ length: count }, (_, i) => this.#subtopology(groupId, i))
  }

  #subtopology(groupId: string, number: number): object {
    const talk = this.#talk
    const [a, b] = this.#topics
    const right = {
      subtopologyId: String(number),
      sourceTopics: talk.oneOf([[a], [b], [a, b]]),
      sourceTopicRegex: [] as string[],
      stateChangelogTopics: [] as object[],
      repartitionSinkTopics: [] as string[],
      repartitionSourceTopics: [] as object[],
      copartitionGroups: [] as object[],
    }
    const internal = this.#internal(`${groupId}-made-${number}`)
    const odd = talk.oneOf<object>([
      {},
      { subtopologyId: talk.oneOf(['', '0', 'x', ' ']) },
      { sourceTopics: talk.oneOf([[], [a, a], ['no spaces'], [''], [`${a}-nowhere`], ['..']]) },
      { sourceTopicRegex: [talk.oneOf(['.*', '', '('])] },
      { stateChangelogTopics: [internal] },
      { stateChangelogTopics: [internal, internal] },
      { stateChangelogTopics: [{ ...internal, partitions: talk.oneOf([1, -1]) }] },
      { repartitionSinkTopics: [talk.oneOf(['no spaces', '', a, `${groupId}-sink`])] },
      { repartitionSourceTopics: [internal] },
      { repartitionSourceTopics: [{ ...internal, partitions: talk.oneOf([1, 2, -1]) }] },
      { copartitionGroups: [this.#copartition()] },
      { copartitionGroups: [this.#copartition(), this.#copartition()] },
    ])
    return { ...right, ...odd }
  }

  #internal(name: string) {
    const talk = this.#talk
    return {
      name: talk.chance(0.85)
        ? name
        : talk.oneOf(['', 'no spaces', '..', '__consumer_offsets', 'x'.repeat(250)]),
      partitions: 0,
      replicationFactor: talk.oneOf([0, 1, 1, -1, -2]),
      topicConfigs: talk.chance(0.8) ? [] : [{ key: talk.oneOf(['retention.ms', 'none', '']), value: '-1' }],
    }
  }

  #copartition() {
    const talk = this.#talk
    return {
      sourceTopics: talk.oneOf([[0], [0, 0], [1], [7], [-1], []]),
      sourceTopicRegex: talk.oneOf([[], [], [], [0]]),
      repartitionSourceTopics: talk.oneOf([[], [], [], [0]]),
    }
  }
}

function codeOf({ statusCode }: { statusCode: number }): number {
  return statusCode
}

function isOfSources(statusCode: number): boolean {
  return statusCode === 1 || statusCode === 2
}
