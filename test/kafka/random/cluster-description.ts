import type { Talk } from './talk.ts'

/** Administrators who ask for the cluster: its brokers, its controllers and what they speak. */
export class ClusterDescription {
  readonly #talk: Talk

  constructor(talk: Talk) {
    this.#talk = talk
  }

  async converse(steps: number): Promise<void> {
    for (let i = 0; i < steps; i++) {
      const dice = this.#talk.below(100)
      if (dice < 45) await this.#describe()
      else if (dice < 70) await this.#quorum()
      else await this.#versions()
    }
  }

  async #describe(): Promise<void> {
    const talk = this.#talk
    const version = talk.below(3)
    const asked = {
      includeClusterAuthorizedOperations: talk.chance(0.5),
      // What a version has no field for is not asked.
      endpointType: version < 1 ? 1 : talk.oneOf([1, 1, 1, 2, 0, 3, -1]),
      includeFencedBrokers: version >= 2 && talk.chance(0.5),
    }
    const answer = await talk.ask('describeCluster', version, asked)
    const { brokers, clusterId, controllerId } = answer
    const ofBrokers = brokers.map(({ brokerId, rack, isFenced }: any) => ({ brokerId, rack, isFenced }))
    talk.tell(`describe v${version} ${JSON.stringify(asked)}`, [
      talk.shown(answer),
      [ofBrokers, clusterId !== '', controllerId],
    ])
  }

  async #quorum(): Promise<void> {
    const talk = this.#talk
    const topics = talk.some(() => ({
      topicName: talk.oneOf(['__cluster_metadata', '__cluster_metadata', 'orders', '']),
      partitions: talk.oneOf([[0], [0], [0, 0], [1], [-1], []]).map(partitionIndex => ({ partitionIndex })),
    }))
    const version = talk.below(3)
    const answer = await talk.ask('describeQuorum', version, { topics })
    talk.tell(`quorum v${version} ${JSON.stringify(topics)}`, errorsIn(answer))
  }

  async #versions(): Promise<void> {
    const talk = this.#talk
    const version = talk.below(5)
    const asked = {
      clientSoftwareName: talk.oneOf(['a', 'a-b.c', '-a', 'a-', '', 'a b', 'ü', 'A1', '.', '1']),
      clientSoftwareVersion: talk.oneOf(['1', '1.2-x', '', ' ', '1.', 'v']),
    }
    // Connections that have said what software they are may not do it again.
    const answer = await talk.connect()('apiVersions', version, asked)
    talk.tell(`versions v${version} ${JSON.stringify(asked)}`, [answer.errorCode, answer.apiKeys.length > 0])
  }
}

function errorsIn({ errorCode, topics }: any): unknown {
  return [
    errorCode,
    topics.map(({ topicName, partitions }: any) => [
      topicName,
      partitions.map((each: any) => [
        each.partitionIndex,
        each.errorCode,
        each.leaderId,
        each.currentVoters.length,
      ]),
    ]),
  ]
}
