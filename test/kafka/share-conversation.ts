import { setTimeout as sleep } from 'node:timers/promises'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  readBatches,
  readRecords,
  type WireRecord,
  writeBatch,
} from '../../src/server/protocol/record-batch.ts'
import { batch as batchOf } from '../server/batches-scene.ts'
import { type Ask, KafkaAndServed } from './kafka-and-served.ts'
import { isKafkaInstalled } from './real-kafka.ts'

export const [topicConfig, brokerConfig, groupConfig] = [2, 4, 32]
const topicSource = 1

type Texts = Readonly<Record<string, string>>
type Batch = readonly (readonly [key: string | null, value: string | null])[]

/** What is said to a broker for a share group with a dead letter queue, and its only member; and what is told. */
export class ShareConversation {
  readonly told: unknown[] = []
  readonly #ask: Ask
  readonly #name: string
  #topicId = ''
  #sessionEpoch = 0
  #memberEpoch = 0
  #seen = 0

  constructor(ask: Ask, name: string) {
    this.#ask = ask
    this.#name = name
  }

  get dead(): string {
    return `dlq.${this.#name}`
  }

  async create(name: string, numPartitions: number, texts: Texts = {}): Promise<void> {
    const configs = Object.entries(texts).map(([each, value]) => ({ name: each, value }))
    const topics = [{ name, numPartitions, replicationFactor: 1, assignments: [], configs }]
    const answer = await this.#ask('createTopics', 7, { topics })
    expect(answer.topics[0]).toMatchObject({ errorCode: 0 })
    await this.#until(async () => (await this.#topic(name)).errorCode === 0)
  }

  async alter(resourceType: number, resourceName: string, texts: Texts): Promise<void> {
    const configs = Object.entries(texts).map(([name, value]) => ({ name, configOperation: 0, value }))
    const resources = [{ resourceType, resourceName, configs }]
    const { responses } = await this.#ask('incrementalAlterConfigs', 1, { resources })
    this.told.push([resourceName, texts, responses[0].errorCode, responses[0].errorMessage])
    if (responses[0].errorCode !== 0) return
    const values = Object.entries(texts)
    const asked = resourceName === '' ? '1' : resourceName
    await this.#until(async () => {
      const named = [{ resourceType, resourceName: asked, configurationKeys: null }]
      const { results } = await this.#ask('describeConfigs', 4, { resources: named })
      const value = (name: string) => results[0].configs.find((each: any) => each.name === name)?.value
      return values.every(([name, text]) => value(name) === text)
    })
  }

  /** Begins: a topic, a group that reads it from its start, and its member. */
  async begin(configs: Texts, partitions = 1): Promise<void> {
    await this.prepare(configs, partitions)
    await this.assigned(partitions)
  }

  /** As `begin`, but the member has not joined. */
  async prepare(configs: Texts, partitions: number): Promise<void> {
    await this.create(this.#name, partitions)
    this.#topicId = (await this.#topic(this.#name)).topicId
    const from = { 'share.auto.offset.reset': 'earliest' }
    const queue = { 'errors.deadletterqueue.topic.name': this.dead }
    await this.alter(groupConfig, this.#name, { ...from, ...queue, ...configs })
  }

  /** Sends heartbeats until it has so many partitions. */
  async assigned(count: number): Promise<void> {
    await this.#until(async () => {
      const subscribedTopicNames = [this.#name]
      const said = {
        groupId: this.#name,
        memberId: 'm',
        memberEpoch: this.#memberEpoch,
        subscribedTopicNames,
      }
      const answer = await this.#ask('shareGroupHeartbeat', 1, said)
      if (answer.errorCode === 0) this.#memberEpoch = answer.memberEpoch
      return answer.assignment?.topicPartitions[0]?.partitions.length === count
    })
  }

  async grow(count: number): Promise<void> {
    const topics = [{ name: this.#name, count, assignments: null }]
    const { results } = await this.#ask('createPartitions', 3, { topics })
    expect(results[0].errorCode).toBe(0)
    await this.#until(async () => (await this.#topic(this.#name)).partitions.length === count)
  }

  /** Sets where the group begins in a partition, before it has members. */
  async setStart(partitionIndex: number, startOffset: number): Promise<void> {
    const topics = [{ topicName: this.#name, partitions: [{ partitionIndex, startOffset }] }]
    await this.#until(async () => {
      const answer = await this.#ask('alterShareGroupOffsets', 0, { groupId: this.#name, topics })
      return answer.errorCode === 0 && answer.responses[0].partitions[0].errorCode === 0
    })
  }

  async produce(batch: Batch, index = 0, headers: WireRecord['headers'] = []): Promise<void> {
    const bytes = (text: string | null) => (text === null ? null : Buffer.from(text))
    const written = batch.map(([key, value], offset) => ({
      offset,
      timestamp: 1_700_000_000_000,
      key: bytes(key),
      value: bytes(value),
      headers,
    }))
    await this.#send(index, writeBatch(written))
  }

  async producePacked(...values: readonly string[]): Promise<void> {
    await this.#send(0, batchOf(values, Date.now(), { attributes: 1, pack: gzipSync }))
  }

  async #send(index: number, batch: Buffer): Promise<void> {
    const topicData = [{ name: this.#name, partitionData: [{ index, records: [batch] }] }]
    // A partition that has just been made has no leader yet.
    await this.#until(async () => {
      const { responses } = await this.#ask('produce', 12, { acks: -1, topicData })
      return responses[0].partitionResponses[0].errorCode === 0
    })
  }

  /** Fetches so many records of a partition, and says the same of all, if anything. */
  async finish(count: number, type?: number, partitionIndex = 0): Promise<void> {
    let left = count
    await this.#until(async () => {
      const partitions = [{ partitionIndex, acknowledgementBatches: [] }]
      const wanted = { maxWaitMs: 500, minBytes: 1, maxBytes: 1_000_000, maxRecords: 500, batchSize: 500 }
      const answer = await this.#request('shareFetch', wanted, partitions)
      const [told] = answer.responses.flatMap((topic: any) => topic.partitions)
      for (const { firstOffset, lastOffset, deliveryCount } of told?.acquiredRecords ?? []) {
        this.told.push(`acquired ${firstOffset} to ${lastOffset}: ${deliveryCount}`)
        left -= lastOffset - firstOffset + 1
        if (type === undefined) continue
        const acknowledgementBatches = [{ firstOffset, lastOffset, acknowledgeTypes: [type] }]
        await this.#request('shareAcknowledge', {}, [{ partitionIndex, acknowledgementBatches }])
      }
      return left <= 0
    })
  }

  async #request(api: 'shareFetch' | 'shareAcknowledge', more: object, partitions: readonly object[]) {
    const answer = await this.#ask(api, 2, {
      groupId: this.#name,
      memberId: 'm',
      shareSessionEpoch: this.#sessionEpoch,
      topics: [{ topicId: this.#topicId, partitions }],
      ...more,
    })
    expect(answer).toMatchObject({ errorCode: 0 })
    this.#sessionEpoch++
    return answer
  }

  /** Says the same of records from one offset to another, which were fetched before. */
  async acknowledge(firstOffset: number, lastOffset: number, type: number): Promise<void> {
    const acknowledgementBatches = [{ firstOffset, lastOffset, acknowledgeTypes: [type] }]
    const answer = await this.#request('shareAcknowledge', {}, [
      { partitionIndex: 0, acknowledgementBatches },
    ])
    const { errorCode } = answer.responses[0].partitions[0]
    this.told.push(`acknowledged ${firstOffset} to ${lastOffset}: ${errorCode}`)
  }

  async deleteRecords(offset: number): Promise<void> {
    const topics = [{ name: this.#name, partitions: [{ partitionIndex: 0, offset }] }]
    const answer = await this.#ask('deleteRecords', 2, { topics })
    this.told.push(answer.topics[0].partitions)
  }

  async endSession(): Promise<void> {
    this.#sessionEpoch = -1
    await this.#request('shareAcknowledge', {}, [])
  }

  /** Tells the next dead letters, once there are so many. */
  async letters(count: number, topic = this.dead): Promise<void> {
    let found: readonly (readonly [string, unknown])[] = []
    await this.#until(async () => {
      found = await this.#records(topic)
      return found.length >= this.#seen + count
    })
    this.told.push(found.slice(this.#seen))
    this.#seen = found.length
  }

  async #records(name: string): Promise<[string, unknown][]> {
    const { errorCode, partitions } = await this.#topic(name)
    if (errorCode !== 0) return []
    const found: [string, unknown][] = []
    for (const { partitionIndex: partition } of partitions) {
      const asked = { partition, fetchOffset: 0, partitionMaxBytes: 10_000_000 }
      const topics = [{ topic: name, partitions: [asked] }]
      const { responses } = await this.#ask('fetch', 12, { minBytes: 0, maxWaitMs: 0, topics })
      const { records } = responses[0].partitions[0]
      for (const batch of readBatches(records ?? Buffer.alloc(0))) {
        for (const { key, value, headers, timestamp } of readRecords(batch, (_, bytes) => bytes)) {
          const texts = headers.map(([each, text]) => `${each}: ${text}`)
          const recent = Math.abs(Date.now() - timestamp) < 60_000 ? 'now' : timestamp
          const size = (bytes: Buffer | null) =>
            bytes === null || bytes.length < 50 ? String(bytes) : bytes.length
          found.push([`${name}-${partition}`, { key: size(key), value: size(value), texts, recent }])
        }
      }
    }
    return found
  }

  /** The configs that a topic has of its own. */
  async tellTopic(name: string): Promise<void> {
    const resources = [{ resourceType: topicConfig, resourceName: name, configurationKeys: null }]
    const { results } = await this.#ask('describeConfigs', 4, { resources })
    const own = results[0].configs?.filter(({ configSource }: any) => configSource === topicSource)
    const { errorCode, partitions } = await this.#topic(name)
    this.told.push([
      errorCode,
      partitions.length,
      own?.map((each: any) => `${each.name}=${each.value}`).sort(),
    ])
  }

  async #topic(name: string) {
    const topics = [{ name }]
    const answer = await this.#ask('metadata', 12, { topics, allowAutoTopicCreation: false })
    return answer.topics[0]
  }

  async #until(met: () => Promise<boolean>): Promise<void> {
    for (const deadline = Date.now() + 20_000; !(await met()); await sleep(20)) {
      if (Date.now() > deadline) throw new Error(`not met; told: ${JSON.stringify(this.told, null, 2)}`)
    }
  }
}

/** Has conversations with a real Kafka and with a served broker, which are to tell the same. */
export function haveWithBoth(
  title: string,
  naming: string,
  conversations: Readonly<Record<string, (t: ShareConversation) => Promise<void>>>,
): void {
  describe.skipIf(!isKafkaInstalled)(title, () => {
    const kafkaAndServed = new KafkaAndServed()
    beforeAll(async () => {
      const properties = { 'auto.create.topics.enable': 'false', 'group.share.assignment.interval.ms': 0 }
      await kafkaAndServed.start({ broker: { autoCreateTopics: false }, properties })
      // The first to ask makes Kafka create its topic of groups.
      await kafkaAndServed.ask('findCoordinator', 4, { keyType: 0, coordinatorKeys: ['first'] })
    })
    afterAll(() => kafkaAndServed.close())

    it.each(Object.keys(conversations))(`${naming} %s`, async what => {
      const [real, served] = await kafkaAndServed.each(async (_, connect) => {
        const conversation = new ShareConversation(connect(), what.replaceAll(' ', '-'))
        await conversations[what]!(conversation)
        return conversation.told
      })
      expect(served).toEqual(real)
    })
  })
}
