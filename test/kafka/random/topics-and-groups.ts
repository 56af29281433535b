import type { Talk } from './talk.ts'

// Of a coordinator that is not there yet, or is still reading: 14, 15, 16.
const passing = new Set([14, 15, 16])
const exists = 36
const nobody = '00000000-0000-0000-0000-000000000000'

/** The errors of a group that there is not, and of a member that there is not in it. */
export const noMember: ReadonlySet<number> = new Set([25, 69])

/** Partitions of a topic that goes by its id. */
export interface TopicPartitions {
  readonly topicId: string
  readonly partitions: readonly number[]
}

/** The topics and groups of one conversation, with the ids that a broker has drawn for them. */
export class TopicsAndGroups {
  readonly #talk: Talk
  /** By id, also of topics that are gone: which of the topics it is, in the order in which they were made. */
  readonly #ids = new Map<string, string>()
  readonly #idOf = new Map<string, string>()

  constructor(talk: Talk) {
    this.#talk = talk
  }

  /** Waits until each group has its coordinator. */
  async findCoordinators(groupIds: readonly string[], ask = this.#talk.ask): Promise<void> {
    await this.#talk.eventually(
      () => ask('findCoordinator', 4, { keyType: 0, coordinatorKeys: groupIds }),
      ({ coordinators }) => coordinators.some((each: any) => passing.has(each.errorCode)),
    )
    await this.#talk.eventually(
      () => ask('describeGroups', 5, { groups: groupIds }),
      ({ groups }) => groups.some((each: any) => passing.has(each.errorCode)),
    )
  }

  /** Makes a topic, and waits until it is there. */
  async create(name: string, numPartitions: number): Promise<void> {
    const topic = { name, numPartitions, replicationFactor: 1, assignments: [], configs: [] }
    await this.#talk.eventually(
      () => this.#talk.ask('createTopics', 7, { topics: [topic] }),
      ({ topics }) => topics[0].errorCode !== 0 && topics[0].errorCode !== exists,
    )
    const { topicId } = await this.#until(name, each => each.partitions.length === numPartitions)
    this.#ids.set(topicId, `#${this.#ids.size}`)
    this.#idOf.set(name, topicId)
  }

  async delete(name: string): Promise<void> {
    await this.#talk.ask('deleteTopics', 6, { topics: [{ name }] })
    await this.#until(name, ({ errorCode }) => errorCode === 3)
  }

  async #until(name: string, is: (topic: any) => boolean): Promise<any> {
    const { topics } = await this.#talk.eventually(
      () => this.#talk.ask('metadata', 12, { topics: [{ name }], allowAutoTopicCreation: false }),
      answer => !is(answer.topics[0]),
    )
    return topics[0]
  }

  /** The id of a topic, or the last one that it had, or else one that no topic has. */
  idOf(name: string): string {
    const digits = Buffer.from(name.padEnd(16)).toString('hex')
    return this.#idOf.get(name) ?? `${digits.slice(0, 8)}-1111-1111-1111-${digits.slice(-12)}`
  }

  /** Partitions in words, in order. */
  names(topics: readonly TopicPartitions[]): string {
    const nameOf = new Map([...this.#idOf].map(([name, id]) => [id, name]))
    const each = topics.flatMap(({ topicId, partitions }) =>
      partitions.map(partition => `${nameOf.get(topicId) ?? '?'}${partition} `),
    )
    return each.sort().join('')
  }

  /** What names topics by their ids, in the order in which the topics were made. */
  sorted(topics: readonly TopicPartitions[]): readonly TopicPartitions[] {
    const made = [...this.#ids.keys()]
    return topics
      .map(({ topicId, partitions }) => ({ topicId, partitions: partitions.toSorted((a, b) => a - b) }))
      .sort((a, b) => made.indexOf(a.topicId) - made.indexOf(b.topicId))
  }

  /** An answer without what is drawn, what is left to chance, and the words of errors. Lists of names are sorted. */
  plain(answer: unknown): unknown {
    if (Buffer.isBuffer(answer) || answer instanceof Uint8Array) return Buffer.from(answer).toString('latin1')
    if (Array.isArray(answer)) {
      const each = answer.map(one => this.plain(one))
      return each.sort((a, b) => (order(a) < order(b) ? -1 : 1))
    }
    if (typeof answer === 'string' && answer.length > 1000) return `${answer.slice(0, 10)}… ${answer.length}`
    if (typeof answer !== 'object' || answer === null) return answer
    const fields = Object.entries(answer).flatMap(([name, value]): [string, unknown][] => {
      if (name === 'throttleTimeMs' || name === 'host' || name === 'port') return []
      if (name === 'errorMessage')
        return 'errorCode' in answer && answer.errorCode !== 0 ? [[name, value !== null]] : []
      if (name === 'topicId') return value === nobody ? [] : [[name, this.#ids.get(value) ?? value]]
      return [[name, this.plain(value)]]
    })
    return Object.fromEntries(fields)
  }
}

function order(value: unknown): string {
  return typeof value === 'number' ? String(value + 1e9) : JSON.stringify(value)
}
