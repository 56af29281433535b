import { setTimeout as sleep } from 'node:timers/promises'
import { readBatches, readRecords, writeBatch } from '../../../src/server/protocol/record-batch.ts'
import type { Talk } from './talk.ts'

// Recent, so that nothing is too old, and the same for both.
const began = Date.now() - 1_000_000
const step = 100

interface Found {
  readonly offset: number
  readonly text: string
}

/** Clients that read a log while it is compacted: from each offset, by time, and by epoch. */
export class CompactedLogs {
  readonly #talk: Talk
  /** When its last batch begins, in whose segment nothing is compacted, and at which offset. */
  #time = began
  #lastBatch = 0
  #end = 0
  #isShortened = false

  constructor(talk: Talk) {
    this.#talk = talk
  }

  async converse(rounds: number): Promise<void> {
    const talk = this.#talk
    const texts = {
      'cleanup.policy': talk.oneOf(['compact', 'compact', 'compact,delete']),
      'segment.ms': '1',
      'min.cleanable.dirty.ratio': '0',
      'retention.ms': '-1',
    }
    const configs = Object.entries(texts).map(([name, value]) => ({ name, value }))
    const topic = { name: talk.name, numPartitions: 1, replicationFactor: 1, assignments: [], configs }
    await talk.ask('createTopics', 7, { topics: [topic] })
    await talk.settled()
    for (let i = 0; i < rounds; i++) {
      for (let batches = 1 + talk.below(6); batches > 0; batches--) await this.#write()
      if (talk.chance(0.2)) await this.#delete()
      const found = await this.#compacted()
      talk.tell('there are', found)
      await this.#look()
    }
  }

  /** A batch that begins a segment, since its time is later. */
  async #write(): Promise<void> {
    const talk = this.#talk
    await sleep(3)
    this.#time += step
    const records = Array.from({ length: 1 + talk.below(4) }, (_, offset) => ({
      offset,
      timestamp: this.#time + talk.below(step / 2),
      key: Buffer.from(talk.oneOf(['a', 'b', 'c', 'd'])),
      value: talk.chance(0.2) ? null : Buffer.from(`${this.#time - began}`),
      headers: [],
    }))
    const partitionData = [{ index: 0, records: [writeBatch(records)] }]
    const topicData = [{ name: talk.name, partitionData }]
    const { responses } = await talk.ask('produce', 9, { acks: -1, topicData })
    const { errorCode, baseOffset } = responses[0].partitionResponses[0]
    this.#lastBatch = baseOffset
    this.#end = baseOffset + records.length
    const shown = records.map(({ key, value, timestamp }) => `${key}=${value}@${timestamp - began}`)
    talk.tell(`write ${shown}`, [errorCode, baseOffset])
  }

  async #delete(): Promise<void> {
    const offset = this.#talk.oneOf([this.#talk.below(this.#end + 1), -1])
    const partitions = [{ partitionIndex: 0, offset }]
    this.#isShortened = true
    await this.#talk.hear('deleteRecords', 2, { topics: [{ name: this.#talk.name, partitions }] })
  }

  /** What is left when all but the last batch is compacted. */
  #compacted(): Promise<readonly Found[]> {
    return this.#talk.eventually(
      async () => (await this.#read(await this.#offset(-2))).found,
      found => {
        const keys = found.filter(({ offset }) => offset < this.#lastBatch).map(({ text }) => text[0])
        return new Set(keys).size < keys.length
      },
    )
  }

  /** All from an offset on, or the error. Batches begin before it where they have to. */
  async #read(from: number): Promise<{ readonly errorCode: number; readonly found: readonly Found[] }> {
    const found: Found[] = []
    for (let fetchOffset = from; ; ) {
      const partitions = [{ partition: 0, fetchOffset, partitionMaxBytes: 1 << 20 }]
      const topics = [{ topic: this.#talk.name, partitions }]
      const { responses } = await this.#talk.ask('fetch', 12, { maxWaitMs: 0, minBytes: 0, topics })
      const { errorCode, records } = responses[0].partitions[0]
      const batches = readBatches(records ?? Buffer.alloc(0))
      if (batches.length === 0) return { errorCode, found }
      for (const batch of batches) {
        for (const { offset, key, value, timestamp } of readRecords(batch, (_, bytes) => bytes)) {
          if (offset >= fetchOffset) found.push({ offset, text: `${key}=${value}@${timestamp - began}` })
        }
        fetchOffset = batch.baseOffset + batch.lastOffsetDelta + 1
      }
    }
  }

  async #offset(timestamp: number): Promise<number> {
    return (await this.#listed(timestamp)).offset
  }

  async #listed(timestamp: number) {
    const topics = [{ name: this.#talk.name, partitions: [{ partitionIndex: 0, timestamp }] }]
    const answer = await this.#talk.ask('listOffsets', 7, { replicaId: -1, topics })
    return answer.topics[0].partitions[0]
  }

  async #look(): Promise<void> {
    const talk = this.#talk
    for (let offset = -1; offset <= this.#end + 1; offset++) {
      const { errorCode, found } = await this.#read(offset)
      talk.tell(`read from ${offset}`, [errorCode, found[0]?.offset ?? null, found.length])
    }
    // Kafka may look for times in a segment whose records are all gone.
    for (const timestamp of this.#isShortened ? [-1, -2, -4] : [-1, -2, -3, -4]) {
      const { errorCode, offset } = await this.#listed(timestamp)
      talk.tell(`offset of ${timestamp}`, [errorCode, offset])
    }
    for (let time = began; time <= this.#time + step && !this.#isShortened; time += step / 4) {
      const { errorCode, offset, timestamp } = await this.#listed(time)
      talk.tell(`offset at ${time - began}`, [errorCode, offset, timestamp < 0 ? -1 : timestamp - began])
    }
    const partitions = [0, 1].map(leaderEpoch => ({ partition: 0, currentLeaderEpoch: -1, leaderEpoch }))
    for (const each of partitions)
      await talk.hear('offsetForLeaderEpoch', 4, {
        replicaId: -1,
        topics: [{ topic: talk.name, partitions: [each] }],
      })
  }
}
