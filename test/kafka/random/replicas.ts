import type { Talk } from './talk.ts'

/** Administrators who move partitions between three brokers, and elect their leaders. */
export class Replicas {
  readonly #talk: Talk
  readonly #topics: readonly string[]

  constructor(talk: Talk) {
    this.#talk = talk
    this.#topics = ['a', 'b'].map(each => `${talk.name}-${each}`)
  }

  async converse(steps: number): Promise<void> {
    const talk = this.#talk
    for (const name of this.#topics) {
      // All partitions of a new topic have as many replicas.
      const [one, other] = talk.oneOf([
        [[1], [2]],
        [[3], [1]],
        [
          [2, 1],
          [3, 2],
        ],
        [
          [1, 2, 3],
          [3, 1, 2],
        ],
      ] as const)
      await this.#create(name, [
        [0, one],
        [1, other],
      ])
    }
    await this.#look()
    for (let i = 0; i < steps; i++) {
      const dice = talk.below(100)
      if (dice < 40) await this.#reassign()
      else if (dice < 60) await this.#elect()
      else if (dice < 75) await this.#ask()
      else if (dice < 85) await this.#grow()
      else await this.#make()
    }
  }

  async #create(name: string, assigned: (readonly [number, readonly number[]])[], validateOnly = false) {
    const assignments = assigned.map(([partitionIndex, brokerIds]) => ({ partitionIndex, brokerIds }))
    const topic = { name, numPartitions: -1, replicationFactor: -1, assignments, configs: [] }
    const { topics } = await this.#talk.ask('createTopics', 7, { topics: [topic], validateOnly })
    this.#talk.tell(`create ${name} ${JSON.stringify(assigned)}`, topics[0].errorCode)
  }

  #brokers(): number[] {
    return this.#talk.oneOf([
      ...[[1], [2], [3], [1, 2], [2, 1], [2, 3], [3, 1], [1, 2, 3], [3, 2, 1], [2, 1, 3]],
      ...[[], [1, 1], [4], [1, 4], [-1]],
    ])
  }

  #topic(): string {
    return this.#talk.oneOf([
      ...this.#topics,
      ...this.#topics,
      ...this.#topics,
      `${this.#talk.name}-nowhere`,
      '',
    ])
  }

  #partitions(): number[] {
    return this.#talk.oneOf([[0], [1], [0, 1], [7], [-1], [0], [1]])
  }

  #distinctTopics(): string[] {
    return [...new Set(this.#talk.some(() => this.#topic()))]
  }

  async #make(): Promise<void> {
    const [one, other] = [this.#brokers(), this.#brokers()]
    await this.#create(
      `${this.#talk.name}-c`,
      [
        [0, one],
        [1, other],
      ],
      true,
    )
  }

  async #reassign(): Promise<void> {
    const talk = this.#talk
    const version = talk.below(2)
    const topics = this.#distinctTopics().map(name => ({
      name,
      partitions: this.#partitions().map(partitionIndex => ({
        partitionIndex,
        replicas: talk.chance(0.1) ? null : this.#brokers(),
      })),
    }))
    // What a version has no field for is not asked.
    const allowReplicationFactorChange = version < 1 || talk.chance(0.7)
    const asked = { topics, allowReplicationFactorChange }
    await talk.hear('alterPartitionReassignments', version, asked)
    await this.#look()
  }

  async #elect(): Promise<void> {
    const talk = this.#talk
    const version = talk.below(3)
    const electionType = version === 0 ? 0 : talk.oneOf([0, 0, 0, 1, 2])
    const topicPartitions = this.#distinctTopics().map(topic => ({ topic, partitions: this.#partitions() }))
    await talk.hear('electLeaders', version, { electionType, topicPartitions })
    await this.#look()
  }

  async #grow(): Promise<void> {
    const talk = this.#talk
    const name = talk.oneOf(this.#topics)
    const assignments = Array.from({ length: talk.oneOf([1, 1, 2]) }, () => ({ brokerIds: this.#brokers() }))
    const count = 2 + talk.oneOf([1, 1, 2])
    await talk.hear('createPartitions', talk.below(4), {
      topics: [{ name, count, assignments }],
      validateOnly: true,
    })
  }

  /** Asks the first broker what it may not answer for, under leader epochs right and wrong. */
  async #ask(): Promise<void> {
    const talk = this.#talk
    const name = talk.oneOf(this.#topics)
    const partitionIndex = talk.below(2)
    const { topics } = await talk.ask('metadata', 12, { topics: [{ name }], allowAutoTopicCreation: false })
    const { leaderEpoch } = topics[0].partitions.find((each: any) => each.partitionIndex === partitionIndex)
    const from = talk.oneOf([undefined, undefined, -1, 0, 1])
    const currentLeaderEpoch = from === undefined ? -1 : leaderEpoch + from
    const what = `at ${name}-${partitionIndex} under ${currentLeaderEpoch}`
    const replicaId = talk.oneOf([-1, -1, -2])
    if (talk.chance(0.5)) {
      const partitions = [{ partitionIndex, currentLeaderEpoch, timestamp: -1 }]
      const answer = await talk.ask('listOffsets', 7, { replicaId, topics: [{ name, partitions }] })
      talk.tell(`list ${replicaId} ${what}`, answer.topics[0].partitions[0].errorCode)
    } else {
      const partitions = [{ partition: partitionIndex, currentLeaderEpoch, leaderEpoch }]
      const answer = await talk.ask('offsetForLeaderEpoch', 4, {
        replicaId,
        topics: [{ topic: name, partitions }],
      })
      const { errorCode, leaderEpoch: epoch, endOffset } = answer.topics[0].partitions[0]
      talk.tell(`epoch ${replicaId} ${what}`, [errorCode, epoch, endOffset])
    }
  }

  /** Tells where partitions are, once they have arrived. */
  async #look(): Promise<void> {
    const talk = this.#talk
    await talk.eventually(
      () =>
        talk.ask('listPartitionReassignments', 0, {
          topics: this.#topics.map(name => ({ name, partitionIndexes: [0, 1] })),
        }),
      ({ topics }) => topics.length > 0,
    )
    await talk.settled()
    const asked = { topics: this.#topics.map(name => ({ name })), allowAutoTopicCreation: false }
    // Who is added is in sync a moment later.
    const { topics } = await talk.eventually(
      () => talk.ask('metadata', 12, asked),
      answer =>
        answer.topics.some((topic: any) =>
          topic.partitions.some((each: any) => each.isrNodes.length < each.replicaNodes.length),
        ),
    )
    const told = topics.map(({ name, partitions }: any) => [
      name,
      partitions
        .toSorted((a: any, b: any) => a.partitionIndex - b.partitionIndex)
        .map((each: any) => ({
          replicas: each.replicaNodes,
          leader: each.leaderId,
          epoch: each.leaderEpoch,
          isr: each.isrNodes.toSorted(),
          offline: each.offlineReplicas,
        })),
    ])
    talk.tell('there are', told.toSorted())
  }
}
