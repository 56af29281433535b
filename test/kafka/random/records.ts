import { setTimeout as sleep } from 'node:timers/promises'
import { gzipSync } from 'node:zlib'
import { crc32c } from '../../../src/server/protocol/crc32c.ts'
import { writeBatch } from '../../../src/server/protocol/record-batch.ts'
import type { Talk } from './talk.ts'

const unknownId = '00000000-0000-0000-0000-000000000777'
// Recent, so that nothing is too old, and the same for both.
const now = Date.now() - 1_000_000

/** Clients without groups: they write batches, right and broken, read them, and delete them. */
export class Records {
  readonly #talk: Talk
  readonly #topics: readonly string[]
  readonly #ids = new Map<string, string>()
  /** The partitions whose records were deleted. */
  readonly #shortened = new Set<string>()
  #session: { id: number; epoch: number } = { id: 0, epoch: 0 }

  constructor(talk: Talk) {
    this.#talk = talk
    this.#topics = ['plain', 'stamped', 'compacted'].map(each => `${talk.name}-${each}`)
  }

  async converse(steps: number): Promise<void> {
    for (const name of this.#topics) await this.#create(name)
    for (let i = 0; i < steps; i++) {
      const dice = this.#talk.below(100)
      if (dice < 35) await this.#produce()
      else if (dice < 55) await this.#fetch()
      else if (dice < 70) await this.#fetchOfSession()
      else if (dice < 82) await this.#listOffsets()
      else if (dice < 90) await this.#deleteRecords()
      else if (dice < 93) await this.#epochs()
      else if (dice < 96) await this.#wait()
      else if (dice < 98) await this.#unanswered()
      else await this.#anew()
    }
  }

  async #create(name: string): Promise<void> {
    const configs = name.endsWith('stamped')
      ? [{ name: 'message.timestamp.type', value: 'LogAppendTime' }]
      : name.endsWith('compacted')
        ? [{ name: 'cleanup.policy', value: 'compact' }]
        : []
    // What Kafka takes by default.
    configs.push({ name: 'max.message.bytes', value: '2000' })
    const topic = { name, numPartitions: 2, replicationFactor: 1, assignments: [], configs }
    const { topics } = await this.#talk.ask('createTopics', 7, { topics: [topic] })
    this.#ids.set(name, topics[0].topicId)
    this.#talk.topicNumber(topics[0].topicId)
    await this.#talk.settled()
  }

  async #anew(): Promise<void> {
    const name = this.#topics[0]!
    await this.#talk.ask('deleteTopics', 5, { topicNames: [name] })
    await this.#talk.settled()
    await this.#create(name)
    // A session that began before is told another error than a new one.
    this.#session = { id: 0, epoch: 0 }
    this.#talk.tell('made anew', name)
  }

  #topic(): string {
    const talk = this.#talk
    return talk.chance(0.95) ? talk.oneOf(this.#topics) : `${talk.name}-nowhere`
  }

  #partition(): number {
    return this.#talk.oneOf([0, 0, 0, 0, 1, 1, 1, 7, -1])
  }

  #idOf(topic: string): string {
    return this.#ids.get(topic) ?? unknownId
  }

  #batch(broken = this.#talk.chance(0.7) ? 'nothing' : this.#talk.oneOf(Object.keys(breaks))): {
    readonly what: string
    readonly bytes: Buffer
  } {
    const talk = this.#talk
    const key = talk.chance(0.8) ? Buffer.from('key') : null
    const at = talk.oneOf([0, 0, 10, 20, -5, 30, 40])
    // What is too large is so before anything else.
    const size =
      broken === 'nothing'
        ? talk.oneOf([1, 1, 10, 100, 100, ...(key === null ? [] : [1900, 2000])])
        : talk.oneOf([1, 10])
    const records = Array.from({ length: 1 + talk.below(3) }, (_, offset) => ({
      offset,
      timestamp: now + at + talk.below(5),
      key,
      value: Buffer.alloc(size, `${offset}`),
      headers: [],
    }))
    const bytes = writeBatch(records)
    const times = records.map(({ timestamp }) => timestamp - now)
    const what = `${key} at ${times} of ${size}`
    if (broken === 'nothing' && talk.chance(0.2)) return { what: `${what}, gzip`, bytes: zipped(bytes) }
    return { what: broken === 'nothing' ? what : `${what}, ${broken}`, bytes: breaks[broken]!(bytes) }
  }

  #batches() {
    const count = this.#talk.oneOf([1, 1, 1, 1, 1, 1, 2, 0])
    return count === 2
      ? ['nothing', 'nothing'].map(each => this.#batch(each))
      : Array.from({ length: count }, () => this.#batch())
  }

  async #produce(): Promise<void> {
    const talk = this.#talk
    const version = 3 + talk.below(11)
    const acks = talk.oneOf([1, -1, 1, -1, 1, -1, 1, -1, 2, -2])
    const topics = distinct(talk.oneOf([1, 1, 1, 2]), () => this.#topic()).map(name => ({
      name,
      topicId: this.#idOf(name),
      partitions: distinct(talk.oneOf([1, 1, 2]), () => this.#partition()).map(index => ({
        index,
        batches: this.#batches(),
      })),
    }))
    const topicData = topics.map(({ partitions, ...topic }) => ({
      ...topic,
      partitionData: partitions.map(({ index, batches }) => ({
        index,
        records: batches.map(({ bytes }) => bytes),
      })),
    }))
    const answer = await talk.ask('produce', version, { acks, topicData })
    for (const { partitionResponses } of answer.responses) {
      for (const each of partitionResponses) {
        each.logAppendTimeMs = Math.sign(each.logAppendTimeMs)
        if (each.errorCode !== 0) each.logStartOffset = -1
      }
    }
    const asked = topics.map(({ name, partitions }) => [
      name,
      partitions.map(({ index, batches }) => [index, batches.map(({ what }) => what)]),
    ])
    talk.tell(`produce v${version} acks ${acks} ${JSON.stringify(asked)}`, talk.shown(answer))
  }

  // A connection without answers ends if something is wrong.
  async #unanswered(): Promise<void> {
    const talk = this.#talk
    const ask = talk.connect()
    const [name, index] = [this.#topic(), this.#partition()]
    const { what, bytes } = this.#batch()
    await ask('produce', 9, { acks: 0, topicData: [{ name, partitionData: [{ index, records: [bytes] }] }] })
    const alive = await ask('apiVersions', 3, { clientSoftwareName: 'a', clientSoftwareVersion: '1' }).then(
      () => true,
      () => false,
    )
    talk.tell(`produce acks 0 ${name}-${index} ${what}`, alive)
  }

  #wanted() {
    const talk = this.#talk
    return distinct(talk.oneOf([1, 1, 2]), () => this.#topic()).map(topic => ({
      topic,
      topicId: this.#idOf(topic),
      partitions: distinct(talk.oneOf([1, 1, 2]), () => this.#partition()).map(partition => ({
        partition,
        currentLeaderEpoch: talk.oneOf([-1, -1, -1, -1, -1, 0, 0, 1, -2]),
        fetchOffset: talk.oneOf([0, 0, 0, 0, 1, 2, 3, 5, 9, 30, -1]),
        lastFetchedEpoch: -1,
        partitionMaxBytes: talk.oneOf([1 << 20, 1 << 20, 1 << 20, 100, 300]),
      })),
    }))
  }

  async #fetch(): Promise<void> {
    const talk = this.#talk
    const version = 4 + talk.below(15)
    const topics = this.#wanted()
    // Of several partitions, Kafka's part of a batch takes the room of those behind.
    const isOne = topics.length === 1 && topics[0]!.partitions.length === 1
    const maxBytes = talk.oneOf([1 << 20, 1 << 20, 100, isOne ? 400 : 100])
    // What a version has no field for is not asked.
    const isolationLevel = talk.below(2)
    const asked = { maxWaitMs: 0, minBytes: talk.oneOf([0, 1, 1000]), maxBytes, isolationLevel, topics }
    const answer = await talk.ask('fetch', version, { ...asked, sessionEpoch: -1 })
    talk.tell(`fetch v${version} ${JSON.stringify(talk.shown(asked))}`, this.#fetched(answer))
  }

  /** A fetch that waits, until something comes about or its time is up. */
  async #wait(): Promise<void> {
    const talk = this.#talk
    const [topic, partition, version] = [talk.oneOf(this.#topics), talk.below(2), 4 + talk.below(15)]
    const end = await this.#end(topic, partition)
    const fetchOffset = Math.max(0, end - talk.oneOf([0, 0, 0, 1]))
    const asked = {
      maxWaitMs: 1500,
      minBytes: talk.oneOf([1, 1, 200, 5000]),
      maxBytes: 1 << 20,
      isolationLevel: talk.below(2),
      topics: [
        {
          topic,
          topicId: this.#idOf(topic),
          partitions: [{ partition, fetchOffset, partitionMaxBytes: 1 << 20 }],
        },
      ],
    }
    const began = Date.now()
    const waiting = talk
      .connect()('fetch', version, { ...asked, sessionEpoch: -1 })
      .then(answer => ({ answer, ms: Date.now() - began }))
    await sleep(50)
    talk.tell(`waits v${version} ${JSON.stringify(talk.shown(asked))}`, '')
    const what = talk.oneOf(['send', 'send', 'send elsewhere', 'delete records', 'delete topic', 'nothing'])
    const [key, value] = ['key', 'value'].map(each => Buffer.from(each)) as [Buffer, Buffer]
    const records = [writeBatch([{ offset: 0, timestamp: now, key, value, headers: [] }])]
    const partitionData = [{ index: what === 'send' ? partition : 1 - partition, records }]
    if (what.startsWith('send'))
      await talk.ask('produce', 9, { acks: 1, topicData: [{ name: topic, partitionData }] })
    else if (what === 'delete records') {
      const partitions = [{ partitionIndex: partition, offset: -1 }]
      await talk.ask('deleteRecords', 2, { topics: [{ name: topic, partitions }] })
      this.#shortened.add(`${topic}-${partition}`)
    } else if (what === 'delete topic' && topic === this.#topics[0]) await this.#anew()
    const { answer, ms } = await waiting
    talk.tell(`${what} in ${topic}`, [ms < 900 ? 'early' : 'late', this.#fetched(answer)])
  }

  async #end(name: string, partitionIndex: number): Promise<number> {
    const partitions = [{ partitionIndex, timestamp: -1 }]
    const { topics } = await this.#talk.ask('listOffsets', 7, {
      replicaId: -1,
      topics: [{ name, partitions }],
    })
    return topics[0].partitions[0].offset
  }

  async #fetchOfSession(): Promise<void> {
    const talk = this.#talk
    const version = 7 + talk.below(12)
    const begins = this.#session.id === 0 || talk.chance(0.1)
    const session = {
      sessionId: begins ? 0 : this.#session.id,
      sessionEpoch: begins ? 0 : this.#session.epoch,
    }
    if (talk.chance(0.1)) session.sessionEpoch += talk.oneOf([1, -1, 5])
    if (talk.chance(0.05)) session.sessionId = talk.oneOf([0, 123_456_789])
    // Kafka begins a session of nothing, too.
    const topics = begins || session.sessionEpoch === 0 || talk.chance(0.4) ? this.#wanted() : []
    const forgottenTopicsData =
      begins || talk.chance(0.8)
        ? []
        : [this.#topic()].map(topic => ({ topic, topicId: this.#idOf(topic), partitions: [talk.below(2)] }))
    const asked = { topics, forgottenTopicsData }
    const answer = await talk.ask('fetch', version, {
      ...asked,
      ...session,
      maxWaitMs: 0,
      minBytes: 0,
      maxBytes: 1 << 20,
    })
    const own = session.sessionId === this.#session.id
    if (answer.errorCode === 0)
      this.#session = {
        id: answer.sessionId,
        epoch: own && session.sessionEpoch > 0 ? session.sessionEpoch + 1 : 1,
      }
    if (answer.errorCode === 70 || answer.errorCode === 71) this.#session = { id: 0, epoch: 0 }
    talk.tell(
      `fetch v${version} of a session, epoch ${session.sessionEpoch}${begins ? ' new' : own ? '' : ' other'} ${JSON.stringify(talk.shown(asked))}`,
      this.#fetched({ ...answer, sessionId: Math.sign(answer.sessionId) }),
    )
  }

  #fetched(answer: any): unknown {
    const shown = this.#talk.shown({ ...answer, responses: eachOnItsOwn(answer.responses) })
    for (const { partitions } of shown.responses) {
      for (const each of partitions) {
        each.records = batchesIn(each.records)
        each.abortedTransactions = each.abortedTransactions?.length ?? 0
      }
    }
    return shown
  }

  async #listOffsets(): Promise<void> {
    const talk = this.#talk
    const version = 1 + talk.below(11)
    const topics = distinct(talk.oneOf([1, 1, 2]), () => this.#topic()).map(name => ({
      name,
      partitions: distinct(talk.oneOf([1, 1, 2]), () => this.#partition()).map(partitionIndex => ({
        partitionIndex,
        currentLeaderEpoch: talk.oneOf([-1, -1, 0]),
        timestamp: talk.oneOf([
          -1,
          -2,
          -3,
          -4,
          -5,
          -6,
          -7,
          0,
          ...[0, 1, 5, 11, 20, 22, 33, 44, 50].map(each => now + each),
        ]),
      })),
    }))
    const isolationLevel = talk.below(2)
    const answer = await talk.ask('listOffsets', version, { replicaId: -1, isolationLevel, topics })
    for (const { name, partitions } of answer.topics) {
      for (const each of partitions) {
        if (each.timestamp > 0) each.timestamp = name.endsWith('stamped') ? 1 : each.timestamp - now
        const asked = topics.find(topic => topic.name === name)!.partitions
        const { timestamp } = asked.find(one => one.partitionIndex === each.partitionIndex)!
        // Kafka may tell the largest one of a record that is gone.
        const isOld = timestamp === -3 && this.#shortened.has(`${name}-${each.partitionIndex}`)
        if (isOld) Object.assign(each, { timestamp: -1, offset: -1, leaderEpoch: -1 })
      }
    }
    talk.tell(
      `list v${version} ${JSON.stringify(topics)}`.replaceAll(/\d{13}/g, each => `now+${Number(each) - now}`),
      talk.shown(answer),
    )
  }

  async #deleteRecords(): Promise<void> {
    const talk = this.#talk
    const version = talk.below(3)
    const topics = [this.#topic()].map(name => ({
      name,
      partitions: distinct(talk.oneOf([1, 2]), () => this.#partition()).map(partitionIndex => ({
        partitionIndex,
        offset: talk.oneOf([0, 1, 1, 2, 2, 3, 4, -1, -2, 50]),
      })),
    }))
    const answer = await talk.ask('deleteRecords', version, { topics })
    for (const { name, partitions } of answer.topics)
      for (const each of partitions) this.#shortened.add(`${name}-${each.partitionIndex}`)
    talk.tell(`delete v${version} ${JSON.stringify(topics)}`, talk.shown(answer))
  }

  async #epochs(): Promise<void> {
    const talk = this.#talk
    const version = 2 + talk.below(3)
    const topics = [this.#topic()].map(topic => ({
      topic,
      partitions: distinct(talk.oneOf([1, 2]), () => this.#partition()).map(partition => ({
        partition,
        currentLeaderEpoch: talk.oneOf([-1, -1, 0, 1]),
        leaderEpoch: talk.oneOf([0, 0, 0, 1, -1]),
      })),
    }))
    const answer = await talk.ask('offsetForLeaderEpoch', version, { replicaId: -1, topics })
    talk.tell(`epochs v${version} ${JSON.stringify(topics)}`, talk.shown(answer))
  }
}

const breaks: Readonly<Record<string, (bytes: Buffer) => Buffer>> = {
  nothing: bytes => bytes,
  'wrong checksum': bytes => changed(bytes, 17, 0, false),
  'an old magic': bytes => changed(bytes, 16, 1, false),
  'cut off': bytes => bytes.subarray(0, bytes.length - 3),
  'too short': bytes => bytes.subarray(0, 20),
  'half a header': bytes => bytes.subarray(0, 5),
  empty: bytes => bytes.subarray(0, 0),
  control: bytes => changed(bytes, 22, 32),
  'more records than there are': bytes => changed(bytes, 60, 9),
  'no records': bytes => changed(bytes, 60, 0),
  'another last offset': bytes => changed(bytes, 26, 9),
  'another leader epoch': bytes => changed(bytes, 15, 5),
  'in an hour and more': bytes => later(bytes, 5_000_000),
  'in half an hour': bytes => later(bytes, 1_800_000),
  'bytes behind': bytes => Buffer.concat([bytes, Buffer.from([1, 2, 3])]),
}

function changed(bytes: Buffer, at: number, value: number, sealed = true): Buffer {
  bytes[at] = value
  if (sealed) bytes.writeUInt32BE(crc32c(bytes.subarray(21)), 17)
  return bytes
}

function zipped(bytes: Buffer): Buffer {
  const whole = Buffer.concat([bytes.subarray(0, 61), gzipSync(bytes.subarray(61))])
  whole.writeInt32BE(whole.length - 12, 8)
  return changed(whole, 22, 1)
}

function later(bytes: Buffer, ms: number): Buffer {
  for (const at of [27, 35]) bytes.writeBigInt64BE(bytes.readBigInt64BE(at) + BigInt(ms), at)
  return changed(bytes, 22, 0)
}

// In Kafka's answers a topic comes back if others were between.
function eachOnItsOwn(topics: readonly any[]): any[] {
  return topics.flatMap(({ partitions, ...topic }) =>
    partitions.map((each: any) => ({ ...topic, partitions: [each] })),
  )
}

function distinct<T>(count: number, draw: () => T): T[] {
  return [...new Set(Array.from({ length: count }, draw))]
}

// Kafka ends an answer with a part of a batch.
function batchesIn(bytes: Buffer | null): unknown {
  if (bytes === null) return null
  const batches: unknown[] = []
  for (let at = 0; at + 61 <= bytes.length; ) {
    const length = bytes.readInt32BE(at + 8) + 12
    if (at + length > bytes.length) break
    batches.push(
      `${bytes.readBigInt64BE(at)}+${bytes.readInt32BE(at + 57)} ${bytes.readInt16BE(at + 21)} ${length}`,
    )
    at += length
  }
  return batches
}
