import type { Talk } from './talk.ts'

// The features of Kafka 4.4, at their levels, and one that there is not.
const levels: readonly (readonly [feature: string, level: number])[] = [
  ['eligible.leader.replicas.version', 1],
  ['group.version', 1],
  ['kraft.version', 1],
  ['metadata.version', 33],
  ['share.version', 2],
  ['streams.version', 1],
  ['transaction.version', 2],
  ['nothing', 1],
]

/** A Kafka whose voters are configured begins at kraft.version 0, and a broker here is at 1. */
export async function raiseKraftVersion(talk: Talk): Promise<void> {
  const feature = 'kraft.version'
  await talk.ask('updateFeatures', 2, {
    featureUpdates: [{ feature, maxVersionLevel: 1, upgradeType: 1 }],
    validateOnly: false,
  })
  await talk.eventually(
    () => talk.ask('apiVersions', 4, { clientSoftwareName: 'test', clientSoftwareVersion: '1' }),
    ({ finalizedFeatures }) => !finalizedFeatures.some(({ name }: { name: string }) => name === feature),
  )
}

/** Administrators who ask for the cluster: its brokers, its controllers, what they speak, its features and its tokens. */
export class ClusterDescription {
  readonly #talk: Talk

  constructor(talk: Talk) {
    this.#talk = talk
  }

  async converse(steps: number): Promise<void> {
    for (let i = 0; i < steps; i++) {
      const dice = this.#talk.below(100)
      if (dice < 30) await this.#describe()
      else if (dice < 50) await this.#quorum()
      else if (dice < 65) await this.#versions()
      else if (dice < 85) await this.#features()
      else await this.#tokens()
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
    const features = [answer.supportedFeatures, answer.finalizedFeatures]
    talk.tell(`versions v${version} ${JSON.stringify(asked)}`, [
      ...[answer.errorCode, answer.apiKeys.length > 0],
      ...features.map(each => talk.shown(each ?? null)),
    ])
  }

  // Never lowered, as a Kafka would lower them.
  async #features(): Promise<void> {
    const talk = this.#talk
    const version = talk.below(3)
    const featureUpdates = talk.some(() => {
      const [feature, level] = talk.oneOf(levels)
      const maxVersionLevel = talk.oneOf([level, level, level, level + 1, 99])
      return {
        feature,
        maxVersionLevel,
        ...(version === 0 ? {} : { upgradeType: talk.oneOf([1, 1, 2, 3, 0, 4]) }),
      }
    })
    const asked = { featureUpdates, ...(version > 0 && { validateOnly: talk.chance(0.5) }) }
    await talk.hear('updateFeatures', version, asked)
  }

  async #tokens(): Promise<void> {
    const talk = this.#talk
    const of = (user: string) => ({
      principalType: talk.oneOf(['User', 'User', 'Group', '']),
      principalName: user,
    })
    const named = () => of(talk.oneOf(['ada', 'ANONYMOUS', '']))
    const [hmac, lifetime] = [Buffer.alloc(talk.below(3)), talk.oneOf([-1, 0, 1000])]
    switch (talk.below(4)) {
      case 0: {
        const version = 1 + talk.below(3)
        const owner =
          version < 3
            ? {}
            : {
                ownerPrincipalType: talk.oneOf(['User', 'Group', '']),
                ownerPrincipalName: talk.oneOf(['ada', '', null]),
              }
        const asked = { ...owner, renewers: talk.some(named), maxLifetimeMs: lifetime }
        await talk.hear('createDelegationToken', version, asked)
        break
      }
      case 1:
        await talk.hear('renewDelegationToken', 1 + talk.below(2), { hmac, renewPeriodMs: lifetime })
        break
      case 2:
        await talk.hear('expireDelegationToken', 1 + talk.below(2), { hmac, expiryTimePeriodMs: lifetime })
        break
      default:
        await talk.hear('describeDelegationToken', 1 + talk.below(3), {
          owners: talk.oneOf([null, [], talk.some(named)]),
        })
    }
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
