import type { Talk } from './talk.ts'

const noId = '00000000-0000-0000-0000-000000000000'
const unknownId = '00000000-0000-0000-0000-000000000777'

/** Administrators who make topics, let them grow, look at them, and delete them, right and wrong. */
export class Topics {
  readonly #talk: Talk
  readonly #names: readonly string[]

  constructor(talk: Talk) {
    this.#talk = talk
    this.#names = ['a', 'b', talk.oneOf(['c.d', 'c_d'])].map(each => `${talk.name}-${each}`)
  }

  async converse(steps: number): Promise<void> {
    await this.#talk.settled()
    for (let i = 0; i < steps; i++) {
      const dice = this.#talk.below(100)
      if (dice < 35) await this.#create()
      else if (dice < 50) await this.#delete()
      else if (dice < 58) await this.#grow()
      else if (dice < 65) await this.#move()
      else if (dice < 80) await this.#metadata()
      else if (dice < 85) await this.#autoCreate()
      else if (dice < 94) await this.#describe()
      else await this.#describeAll()
    }
    await this.#look()
  }

  #name(): string {
    const talk = this.#talk
    if (talk.chance(0.85)) return talk.oneOf(this.#names)
    return talk.oneOf([
      '',
      '.',
      '..',
      'no spaces',
      'x'.repeat(250),
      'ü',
      `${talk.name}-nowhere`,
      '__consumer_offsets',
    ])
  }

  async #create(): Promise<void> {
    const talk = this.#talk
    const topics = talk.some(() => ({
      name: this.#name(),
      numPartitions: talk.oneOf([-1, 1, 2, 3, 1, 2, 3, 0, -2]),
      replicationFactor: talk.oneOf([1, 1, 1, 1, -1, 0]),
      assignments: [] as { partitionIndex: number; brokerIds: readonly number[] }[],
      configs: [] as { name: string; value: string | null }[],
    }))
    for (const topic of topics) {
      if (topic.name === '__consumer_offsets') topic.name = ''
      if (talk.chance(0.25)) {
        const indexes = talk.oneOf([[0], [0, 1], [1, 0], [1], [0, 0], [-1], [0, 2]])
        const brokerIds = talk.oneOf([[1], [1], [1], [], [1, 1], [-1]])
        topic.assignments = indexes.map(partitionIndex => ({ partitionIndex, brokerIds }))
        if (talk.chance(0.8)) Object.assign(topic, { numPartitions: -1, replicationFactor: -1 })
      }
      if (talk.chance(0.3)) topic.configs = talk.some(() => this.#config())
    }
    // Kafka does not see that names collide which are new in one request.
    if (talk.chance(0.1))
      topics.splice(0, topics.length, { ...topics[0]!, name: `${talk.name}-${talk.oneOf(['c.d', 'c_d'])}` })
    const validateOnly = talk.chance(0.25)
    const version = 2 + talk.below(6)
    const answer = await talk.ask('createTopics', version, { topics, validateOnly })
    for (const topic of answer.topics) {
      // Apart from their defaults, which have their own test.
      topic.configs = topic.configs?.filter((each: any) => each.configSource === 1)
      if (validateOnly) topic.topicId = noId
    }
    await talk.settled()
    talk.tell(
      `create v${version} ${JSON.stringify(topics)}${validateOnly ? ' only' : ''}`,
      talk.shown(answer),
    )
  }

  #config(): { name: string; value: string | null } {
    const [name, values] = this.#talk.oneOf([
      ['cleanup.policy', ['compact', 'delete', 'compact,delete', 'nothing']],
      ['retention.ms', ['1000', '-1', '-2', 'x', null]],
      ['max.message.bytes', ['1000', '-1', null]],
      ['min.insync.replicas', ['1', '2', '0']],
      ['message.timestamp.type', ['LogAppendTime', 'Now']],
      ['segment.bytes', ['1048576', '13']],
      ['not.a.config', ['1', null]],
      ['', ['1']],
    ] as const)
    return { name, value: this.#talk.oneOf(values as readonly (string | null)[]) }
  }

  async #delete(): Promise<void> {
    const talk = this.#talk
    const version = 1 + talk.below(6)
    const topicNames = talk.some(() => this.#name()).filter(name => name !== '__consumer_offsets')
    const topics = topicNames.map(name => {
      const topicId = talk.oneOf([...talk.topicIds, unknownId])
      return talk.oneOf([
        { name, topicId: noId },
        { name: null, topicId },
        { name: null, topicId },
        talk.chance(0.3) ? { name, topicId } : { name: null, topicId: noId },
      ])
    })
    const asked = talk.shown(topics)
    const answer = await talk.ask('deleteTopics', version, version < 6 ? { topicNames } : { topics })
    await talk.settled()
    talk.tell(`delete v${version} ${version < 6 ? topicNames : JSON.stringify(asked)}`, talk.shown(answer))
    await this.#look()
  }

  async #grow(): Promise<void> {
    const talk = this.#talk
    const version = talk.below(4)
    const topics = talk
      .some(() => ({
        name: this.#name(),
        count: talk.oneOf([2, 3, 4, 1, 0, -1]),
        assignments: talk.chance(0.7)
          ? null
          : talk.oneOf([[[1]], [[1], [1]], [], [[]], [[1, 1]]]).map(brokerIds => ({ brokerIds })),
      }))
      .filter(({ name }) => name !== '__consumer_offsets')
    const validateOnly = talk.chance(0.25)
    const answer = await talk.ask('createPartitions', version, { topics, validateOnly })
    await talk.settled()
    talk.tell(`grow v${version} ${JSON.stringify(topics)}${validateOnly ? ' only' : ''}`, talk.shown(answer))
  }

  /** To the only broker that there is, or to nobody. */
  async #move(): Promise<void> {
    const talk = this.#talk
    const drawn = talk.some(() => ({
      name: this.#name(),
      indexes: talk.oneOf([[0], [0], [0, 1], [7], [-1], []]),
    }))
    const some = [...new Map(drawn.map(each => [each.name, each])).values()].filter(
      ({ name }) => name !== '__consumer_offsets',
    )
    if (some.length === 0) return
    const dice = talk.below(3)
    if (dice === 0) {
      const topics = some.map(({ name, indexes }) => ({
        name,
        partitions: indexes.map(partitionIndex => ({
          partitionIndex,
          replicas: talk.oneOf([[1], [1], null, null, [], [1, 1], [-1]]),
        })),
      }))
      const version = talk.below(2)
      const allowReplicationFactorChange = talk.chance(0.5)
      await talk.hear('alterPartitionReassignments', version, { topics, allowReplicationFactorChange })
    } else if (dice === 1) {
      const topics = talk.chance(0.2)
        ? null
        : some.map(({ name, indexes }) => ({ name, partitionIndexes: indexes }))
      await talk.hear('listPartitionReassignments', 0, { topics })
    } else {
      const version = talk.below(3)
      // What a version has no field for is not asked.
      const electionType = version === 0 ? 0 : talk.oneOf([0, 0, 1, 1, 2])
      const topicPartitions = some.map(({ name, indexes }) => ({ topic: name, partitions: indexes }))
      await talk.hear('electLeaders', version, { electionType, topicPartitions })
    }
  }

  async #metadata(): Promise<void> {
    const talk = this.#talk
    const version = talk.below(14)
    const some = talk
      .some(() => ({ name: this.#name(), topicId: noId }))
      .filter(each => each.name !== '__consumer_offsets')
    const topics: any[] | null = talk.chance(0.2) && version > 0 ? talk.oneOf([null, null, []]) : some
    if (version >= 12 && topics !== null && talk.chance(0.5)) {
      for (const each of topics) {
        each.topicId = talk.oneOf([...talk.topicIds, unknownId])
        if (talk.chance(0.9)) each.name = null
      }
    }
    // Whether there will be a topic takes time to decide.
    const allowAutoTopicCreation = version < 4
    if (topics !== null && version < 4) for (const each of topics) each.name = `${talk.name}-settled`
    const asked = talk.shown(topics)
    const includeTopicAuthorizedOperations = talk.chance(0.3)
    const answer = await talk.ask('metadata', version, {
      topics,
      allowAutoTopicCreation,
      includeTopicAuthorizedOperations,
      includeClusterAuthorizedOperations: talk.chance(0.3),
    })
    if (topics === null)
      // In one order, so that ids that were not seen before are numbered alike.
      answer.topics = answer.topics
        .filter(({ name }: any) => name.startsWith(`${talk.name}-`))
        .sort((a: any, b: any) => (a.name < b.name ? -1 : 1))
    talk.tell(`metadata v${version} ${JSON.stringify(asked)}`, talk.shown(answer))
  }

  async #autoCreate(): Promise<void> {
    const talk = this.#talk
    const name = talk.oneOf([`${talk.name}-auto`, `${talk.name}-made`, '', 'no spaces', '..'])
    const version = talk.oneOf([9, 12])
    const ask = () => talk.ask('metadata', version, { topics: [{ name }] })
    const answer = await talk.eventually(ask, ({ topics }) => [3, 5].includes(topics[0].errorCode))
    talk.tell(`metadata makes ${name}`, talk.shown(answer))
  }

  async #describe(): Promise<void> {
    const talk = this.#talk
    const names = talk.some(() => this.#name()).filter(name => name !== '__consumer_offsets')
    // Kafka stumbles over an empty name.
    const topics = [...new Set(names)].filter(name => name !== '').map(name => ({ name }))
    if (topics.length === 0) return
    const responsePartitionLimit = talk.oneOf([2000, 1, 2, 3, 0, -1])
    const cursor = talk.chance(0.4)
      ? { topicName: this.#name(), partitionIndex: talk.oneOf([0, 1, 2, 7, -1]) }
      : null
    const asked = { topics, responsePartitionLimit, cursor }
    const answer = await talk.ask('describeTopicPartitions', 0, asked)
    talk.tell(`describe ${JSON.stringify(asked)}`, talk.shown(answer))
  }

  /** From one of its topics on, those of others left out. */
  async #describeAll(): Promise<void> {
    const talk = this.#talk
    const responsePartitionLimit = talk.oneOf([2000, 1, 2, 3, 0, -1])
    const topicName = talk.oneOf([...this.#names, `${talk.name}-`, `${talk.name}-aa`])
    const cursor = { topicName, partitionIndex: talk.oneOf([0, 0, 1, 2, 7, -1]) }
    const asked = { topics: [], responsePartitionLimit, cursor }
    const answer = await talk.ask('describeTopicPartitions', 0, asked)
    const isOwn = (name: string) => name.startsWith(`${talk.name}-`)
    answer.topics = answer.topics.filter(({ name }: any) => isOwn(name))
    if (!isOwn(answer.nextCursor?.topicName ?? '')) answer.nextCursor = null
    talk.tell(`describe all ${JSON.stringify(asked)}`, talk.shown(answer))
  }

  async #look(): Promise<void> {
    const talk = this.#talk
    const topics = this.#names.map(name => ({ name, topicId: noId }))
    const answer = await talk.ask('metadata', 12, { topics, allowAutoTopicCreation: false })
    talk.tell('there are', talk.shown(answer))
  }
}
