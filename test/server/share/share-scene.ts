import { afterEach } from 'vitest'
import { configSources } from '../../../src/server/config-definition.ts'
import { Coordinators } from '../../../src/server/coordinators.ts'
import { engineOf } from '../../../src/server/engine-of.ts'
import type { ResolvedGroupConfig } from '../../../src/server/group-configs.ts'
import { connect, type WireOptions } from '../../../src/server/index.ts'
import { apis } from '../../../src/server/protocol/apis.ts'
import { readBatches, readRecords } from '../../../src/server/protocol/record-batch.ts'
import { TestBroker } from '../../../src/testing/index.ts'
import type { TopicOptions } from '../../../src/topic-definition.ts'
import { WireClient } from '../../helpers/wire-client.ts'

/** Offsets from one to another, both included. */
export type Range = readonly [first: number, last: number]

const nothing = { maxWaitMs: 0, minBytes: 1, maxBytes: 1_000_000, maxRecords: 500, batchSize: 500 }

/** A member of a share group that says what a test lets it say, one request after the other. */
export class ShareConsumer {
  readonly client: WireClient
  readonly memberId: string
  readonly #groupId: string
  readonly #topicIds: () => readonly string[]
  sessionEpoch = 0
  memberEpoch = 0

  constructor(client: WireClient, memberId: string, groupId: string, topicIds: () => readonly string[]) {
    this.client = client
    this.memberId = memberId
    this.#groupId = groupId
    this.#topicIds = topicIds
  }

  async beat(memberEpoch: number = this.memberEpoch, more: object = {}) {
    const { memberId } = this
    const said = { groupId: this.#groupId, memberId, memberEpoch, ...more }
    const answer = await this.client.call(apis.shareGroupHeartbeat, 1, said)
    if (answer.errorCode === 0) this.memberEpoch = answer.memberEpoch
    return answer
  }

  join(...topics: string[]) {
    return this.beat(0, { subscribedTopicNames: topics.length === 0 ? ['orders'] : topics })
  }

  leave() {
    return this.beat(-1)
  }

  /** Fetches all partitions of its topics; what it says beside that may be other than usual. */
  async fetchAll(more: object = {}, acks: readonly object[] = []) {
    const topics = this.#topicIds().map(topicId => ({
      topicId,
      partitions: [{ partitionIndex: 0, acknowledgementBatches: acks }],
    }))
    const { memberId } = this
    const said = { groupId: this.#groupId, memberId, shareSessionEpoch: this.sessionEpoch, topics }
    const answer = await this.client.call(apis.shareFetch, 2, { ...nothing, ...said, ...more })
    if (answer.errorCode === 0) this.sessionEpoch++
    return answer
  }

  /** What it acquires of the first partition: ranges with their delivery counts. */
  async fetch(more: object = {}, acks: readonly object[] = []): Promise<[number, number, number][]> {
    return acquiredIn(await this.fetchAll(more, acks))
  }

  /** Acknowledges ranges of the first partition; gives the error of that, or of all. */
  async acknowledge(...batches: readonly object[]): Promise<number> {
    const { memberId, sessionEpoch: shareSessionEpoch } = this
    const topics = [
      {
        topicId: this.#topicIds()[0]!,
        partitions: [{ partitionIndex: 0, acknowledgementBatches: batches }],
      },
    ]
    const isRenewAck = batches.some(batch =>
      (batch as { acknowledgeTypes: number[] }).acknowledgeTypes.includes(4),
    )
    const said = { groupId: this.#groupId, memberId, shareSessionEpoch, isRenewAck, topics }
    const answer = await this.client.call(apis.shareAcknowledge, 2, said)
    if (answer.errorCode !== 0) return answer.errorCode
    this.sessionEpoch++
    return answer.responses[0].partitions[0].errorCode
  }

  /** Ends its session. */
  async close(acks: readonly object[] = []) {
    const answer = await this.fetchAll({ shareSessionEpoch: -1 }, acks)
    this.sessionEpoch = 0
    return answer
  }
}

export function acquiredIn(answer: any): [number, number, number][] {
  return (answer.responses[0]?.partitions[0].acquiredRecords ?? []).map(
    ({ firstOffset, lastOffset, deliveryCount }: any) => [firstOffset, lastOffset, deliveryCount],
  )
}

/** The offsets of the records that an answer brings of its first partition. */
export function offsetsIn(answer: any): number[] {
  const { records } = answer.responses[0].partitions[0]
  return readBatches(records).flatMap(batch =>
    readRecords(batch, () => Buffer.alloc(0)).map(({ offset }) => offset),
  )
}

export const accept = (...[firstOffset, lastOffset]: Range) => ofType(firstOffset, lastOffset, 1)
export const release = (...[firstOffset, lastOffset]: Range) => ofType(firstOffset, lastOffset, 2)
export const reject = (...[firstOffset, lastOffset]: Range) => ofType(firstOffset, lastOffset, 3)
export const renew = (...[firstOffset, lastOffset]: Range) => ofType(firstOffset, lastOffset, 4)

function ofType(firstOffset: number, lastOffset: number, type: number) {
  return { firstOffset, lastOffset, acknowledgeTypes: [type] }
}

/** What makes a broker with a topic `orders`, and share consumers of it; they are closed after each test of the file that asks. */
export function shareScenes() {
  const brokers: TestBroker[] = []
  afterEach(async () => {
    for (const broker of brokers.splice(0)) await broker.close()
  })
  return (
    options: WireOptions = {},
    configs: Partial<ResolvedGroupConfig> = {},
    topicOptions: TopicOptions = {},
  ) => {
    const broker = new TestBroker()
    broker.createTopic('orders', topicOptions)
    brokers.push(broker)
    const open = () => new WireClient(connect(broker, options))
    const client = open()
    configure(broker, 'g', { shareAutoOffsetReset: 'earliest', ...configs })
    const topicIds = () => [...broker.topics.values()].map(({ id }) => id)
    return {
      broker,
      client,
      log: broker.topic('orders').partitions[0]!,
      append(count: number) {
        for (let i = 0; i < count; i++) broker.topic('orders').append({ value: i })
      },
      /** One that has a connection of its own. */
      consumer: (memberId: string, groupId = 'g') => new ShareConsumer(open(), memberId, groupId, topicIds),
      /** One that has joined. */
      async joined(memberId: string) {
        const consumer = new ShareConsumer(open(), memberId, 'g', topicIds)
        await consumer.join()
        return consumer
      },
    }
  }
}

/** How many fetches of a group wait. */
export function waitingFor(broker: object, groupId: string): number {
  const engine = engineOf('waitingFor', broker)
  const coordinators = Coordinators.of(engine, { initialRebalanceDelayMs: 0 })
  coordinators.release()
  return coordinators.shareGroups.get(groupId)!.partitions.listeners.size
}

/** Gives a group configs, also such as a broker's configs let none have. */
export function configure(broker: object, groupId: string, configs: Partial<ResolvedGroupConfig>): void {
  const engine = engineOf('configure', broker)
  const coordinators = Coordinators.of(engine, { initialRebalanceDelayMs: 0 })
  const { groupConfigs } = coordinators
  const own = new Map<string, string>()
  for (const { name, sources } of groupConfigs.of(groupId)) {
    if (sources[0]!.source === configSources.group) own.set(name, sources[0]!.value)
  }
  for (const [option, value] of Object.entries(configs)) {
    const name = option.replace(/[A-Z]/g, letter => `.${letter.toLowerCase()}`)
    own.set(name, typeof value === 'object' ? `by_duration:PT${value.durationMs / 1000}S` : String(value))
  }
  groupConfigs.become(groupId, own)
  coordinators.release()
}
