import { afterEach } from 'vitest'
import { connect, type WireOptions } from '../../../src/server/index.ts'
import { apis } from '../../../src/server/protocol/apis.ts'
import { TestBroker } from '../../../src/testing/index.ts'
import { WireClient } from '../../helpers/wire-client.ts'

type Said = Readonly<Record<string, any>>

/** What reads a topic and has no state. */
export function copying(...sourceTopics: string[]) {
  return { epoch: 0, subtopologies: [{ subtopologyId: '0', sourceTopics }] }
}

/** What counts records by their keys. */
export function counting(sourceTopic: string) {
  const stateChangelogTopics = [internal('g-counts-changelog', { 'cleanup.policy': 'compact' })]
  return {
    epoch: 0,
    subtopologies: [{ subtopologyId: '0', sourceTopics: [sourceTopic], stateChangelogTopics }],
  }
}

/** What counts records by their values. */
export function countingValues(sourceTopic: string, repartitions = 0) {
  const repartition = {
    ...internal('g-values-repartition', { 'cleanup.policy': 'delete' }),
    partitions: repartitions,
  }
  return {
    epoch: 0,
    subtopologies: [
      { subtopologyId: '0', sourceTopics: [sourceTopic], repartitionSinkTopics: [repartition.name] },
      {
        subtopologyId: '1',
        repartitionSourceTopics: [repartition],
        stateChangelogTopics: [internal('g-counts-changelog', { 'cleanup.policy': 'compact' })],
      },
    ],
  }
}

export function internal(name: string, configs: Readonly<Record<string, string>> = {}) {
  return { name, topicConfigs: Object.entries(configs).map(([key, value]) => ({ key, value })) }
}

/** The names of tasks as a message lists them; null where it does not say. */
export function named(taskIds: readonly { subtopologyId: string; partitions: number[] }[] | null) {
  return (
    taskIds?.flatMap(({ subtopologyId, partitions }) => partitions.map(each => `${subtopologyId}_${each}`)) ??
    null
  )
}

/** A thread of an application that says what a test lets it say. */
export class StreamsThread {
  readonly client: WireClient
  readonly memberId: string
  memberEpoch = 0
  endpointEpoch = 0
  active: string[] = []
  standby: string[] = []

  constructor(client: WireClient, memberId: string) {
    this.client = client
    this.memberId = memberId
  }

  /** Says that, and hears; what it is told to have it has from then on. */
  async beat(said: Said = {}, version = 1): Promise<any> {
    const { memberId, memberEpoch, endpointEpoch: endpointInformationEpoch } = this
    const answer: any = await this.client.call(apis.streamsGroupHeartbeat, version, {
      groupId: 'g',
      memberId,
      memberEpoch,
      endpointInformationEpoch,
      ...said,
    })
    if (answer.errorCode !== 0) return answer
    this.memberEpoch = answer.memberEpoch
    this.endpointEpoch = answer.endpointInformationEpoch
    this.active = named(answer.activeTasks) ?? this.active
    this.standby = named(answer.standbyTasks) ?? this.standby
    return answer
  }

  join(topology: object, said: Said = {}) {
    const more = {
      rebalanceTimeoutMs: 60_000,
      processId: this.memberId,
      activeTasks: [],
      standbyTasks: [],
      warmupTasks: [],
    }
    return this.beat({ memberEpoch: 0, topology, ...more, ...said })
  }

  /** Says what it has. */
  owns(said: Said = {}) {
    return this.beat({
      activeTasks: listed(this.active),
      standbyTasks: listed(this.standby),
      warmupTasks: [],
      ...said,
    })
  }

  leave(said: Said = {}) {
    return this.beat({ memberEpoch: -1, ...said })
  }
}

function listed(tasks: readonly string[]) {
  return tasks.map(task => {
    const [subtopologyId, partition] = task.split('_')
    return { subtopologyId, partitions: [Number(partition)] }
  })
}

/** What makes a broker with a topic `orders` of two partitions, and threads of an application; they are closed after each test of the file that asks. */
export function streamsScenes() {
  const brokers: TestBroker[] = []
  afterEach(async () => {
    for (const broker of brokers.splice(0)) await broker.close()
  })
  return (options: WireOptions = {}) => {
    const broker = new TestBroker()
    broker.createTopic('orders', { partitions: 2 })
    brokers.push(broker)
    const client = new WireClient(connect(broker, options))
    return {
      broker,
      client,
      thread: (memberId: string) => new StreamsThread(client, memberId),
      async joined(memberId: string, topology: object = copying('orders'), said: Said = {}) {
        const thread = new StreamsThread(client, memberId)
        await thread.join(topology, said)
        return thread
      },
      configure: (name: string, value: number | string) =>
        client.call(apis.incrementalAlterConfigs, 1, {
          resources: [
            {
              resourceType: 32,
              resourceName: 'g',
              configs: [{ name, configOperation: 0, value: String(value) }],
            },
          ],
        }),
      async describe(said: Said = {}): Promise<any> {
        return (await client.call(apis.streamsGroupDescribe, 1, { groupIds: ['g'], ...said })).groups[0]
      },
      async list(): Promise<any> {
        const { groups } = await client.call(apis.listGroups, 5, { typesFilter: ['streams'] })
        return groups
      },
      async commit(topic: string, partition: number, memberId: string, memberEpoch: number, version = 9) {
        const answer: any = await client.call(apis.offsetCommit, version, {
          groupId: 'g',
          memberId,
          generationIdOrMemberEpoch: memberEpoch,
          topics: [{ name: topic, partitions: [{ partitionIndex: partition, committedOffset: 1 }] }],
        })
        return answer.topics[0].partitions[0].errorCode as number
      },
    }
  }
}
