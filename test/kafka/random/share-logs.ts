import { setTimeout as sleep } from 'node:timers/promises'
import { writeBatch } from '../../../src/server/protocol/record-batch.ts'
import type { Connection } from '../kafka-and-served.ts'
import type { Talk } from './talk.ts'

const passing = new Set([14, 15, 16])
const [accept, release, reject] = [1, 2, 3]
const ofGroup = 32
const memberId = 'AAAAAAAAAAAAAAAAAAAAAA'
// OFFSET_NOT_AVAILABLE, of a leader that is new
const notYet = 78
const hour = 3_600_000

interface Acquired {
  readonly firstOffset: number
  readonly lastOffset: number
  readonly deliveryCount: number
}

/**
 * The only member of a share group, at a log whose start moves under what it has acquired. Now and then it leaves, and an
 * administrator changes the group's offsets, or the topic is made anew.
 */
export class ShareLogs {
  readonly #talk: Talk
  readonly #group: string
  #ask: Connection
  #topicId = ''
  #memberEpoch = 0
  #session = 0
  #acquired: Acquired[] = []
  /** Whether an administrator has said where the group begins, and it has read nothing since. */
  #isSet = false
  /** Whether Kafka has written where the group is. */
  #isKnown = false
  /** What was acknowledged and may be again, as long as no records are deleted. */
  readonly #said = new Set<Acquired>()
  #isShortened = false

  constructor(talk: Talk) {
    this.#talk = talk
    this.#group = `${talk.name}-group`
    this.#ask = talk.connect()
  }

  async converse(steps: number): Promise<void> {
    const talk = this.#talk
    await this.#create()
    await this.#configure()
    await talk.eventually(
      () => talk.ask('findCoordinator', 4, { keyType: 0, coordinatorKeys: [this.#group] }),
      ({ coordinators }) => coordinators[0].errorCode !== 0,
    )
    for (let i = 0; i < 3; i++) await this.#write()
    await this.#join()
    for (let i = 0; i < steps; i++) await this.#step()
    await this.#leave()
    await this.#describe()
  }

  async #step(): Promise<void> {
    const dice = this.#talk.below(100)
    if (dice < 25) await this.#write()
    else if (dice < 45) await this.#fetch()
    else if (dice < 68) await this.#acknowledge()
    else if (dice < 80) await this.#deleteRecords()
    else if (dice < 84) await this.#configure()
    else if (dice < 90) await this.#administrate()
    else {
      await this.#leave()
      if (dice < 93) await this.#anew()
      else for (const _ of this.#talk.some(() => 0)) await this.#administrate()
      await this.#join()
    }
  }

  // --- what is read -------------------------------------------------------------------------------------------------

  async #create(): Promise<void> {
    const talk = this.#talk
    const configs = [{ name: 'retention.ms', value: '-1' }]
    const topic = { name: talk.name, numPartitions: 1, replicationFactor: 1, assignments: [], configs }
    const { topics } = await talk.ask('createTopics', 7, { topics: [topic] })
    this.#topicId = topics[0].topicId
    talk.topicNumber(this.#topicId)
    await talk.settled()
  }

  async #anew(): Promise<void> {
    const talk = this.#talk
    await talk.ask('deleteTopics', 6, { topics: [{ name: talk.name }] })
    await talk.settled()
    await this.#create()
    this.#isKnown = false
    this.#isShortened = false
    talk.tell('made anew', '')
    for (let i = talk.below(3); i > 0; i--) await this.#write()
  }

  /** Some records of now, of half an hour ago, or of long ago. */
  async #write(age = this.#talk.oneOf([0, hour / 2, 5 * hour])): Promise<void> {
    const talk = this.#talk
    const record = { timestamp: Date.now() - age, key: null, value: Buffer.from('value'), headers: [] }
    const records = Array.from({ length: 1 + talk.below(3) }, (_, offset) => ({ ...record, offset }))
    const partitionData = [{ index: 0, records: [writeBatch(records)] }]
    const topicData = [{ name: talk.name, partitionData }]
    const { responses } = await talk.ask('produce', 9, { acks: -1, topicData })
    const { errorCode, baseOffset } = responses[0].partitionResponses[0]
    talk.tell(`${records.length} of ${age}`, [errorCode, baseOffset])
  }

  async #deleteRecords(): Promise<void> {
    const talk = this.#talk
    const offset = talk.oneOf([-1, 1, 2, 3, 5, 8, 12])
    const topics = [{ name: talk.name, partitions: [{ partitionIndex: 0, offset }] }]
    const answer = await talk.ask('deleteRecords', 2, { topics })
    const { errorCode, lowWatermark } = answer.topics[0].partitions[0]
    talk.tell(`delete to ${offset}`, [errorCode, lowWatermark])
    this.#isShortened = true
    this.#acquired = this.#acquired.filter(each => !this.#said.has(each))
    await this.#fetch()
  }

  // --- the member ---------------------------------------------------------------------------------------------------

  async #join(): Promise<void> {
    this.#ask = this.#talk.connect()
    this.#memberEpoch = 0
    this.#isSet = false
    await this.#assigned()
    // By a duration Kafka begins only where there is a record that is young enough.
    await this.#write(0)
    await this.#begin()
  }

  async #assigned(): Promise<void> {
    const subscribedTopicNames = [this.#talk.name]
    let given: any
    await this.#talk.eventually(
      async () => {
        const asked = { groupId: this.#group, memberId, memberEpoch: this.#memberEpoch }
        const answer = await this.#ask('shareGroupHeartbeat', 1, { ...asked, subscribedTopicNames })
        if (answer.errorCode === 0) this.#memberEpoch = answer.memberEpoch
        given = answer.assignment ?? given
        return given?.topicPartitions?.[0]?.topicId
      },
      topicId => topicId !== this.#topicId,
    )
  }

  // Kafka looks up where the group begins with the first fetch, and answers it when it knows.
  async #begin(): Promise<void> {
    this.#session = 0
    this.#acquired = []
    await this.#fetch()
    await this.#write()
    await this.#fetch()
  }

  async #leave(): Promise<void> {
    const asked = { groupId: this.#group, memberId }
    const answer = await this.#ask('shareAcknowledge', 1, { ...asked, shareSessionEpoch: -1, topics: [] })
    const left = await this.#ask('shareGroupHeartbeat', 1, { ...asked, memberEpoch: -1 })
    this.#talk.tell('leave', [answer.errorCode, left.errorCode])
    // Kafka releases what it has had after that, and reads where the group begins anew once nobody is connected.
    await sleep(100)
    this.#ask.end()
    await sleep(100)
  }

  /** What it acquires, fetch by fetch until nothing comes. Kafka's first one may only find out where the log begins. */
  async #fetch(): Promise<void> {
    const talk = this.#talk
    const [version, shareAcquireMode] = [talk.oneOf([1, 2]), talk.oneOf([0, 0, 1])]
    const acquired: Acquired[] = []
    for (let empty = 0; empty < 2; ) {
      const begins = this.#session === 0
      const partitions = [{ partitionIndex: 0, acknowledgementBatches: [] }]
      const { errorCode, responses } = await this.#ask('shareFetch', version, {
        ...{ groupId: this.#group, memberId, shareSessionEpoch: this.#session },
        ...{ maxWaitMs: 100, minBytes: 1, maxBytes: 1 << 20, maxRecords: 500, batchSize: 500 },
        topics: begins ? [{ topicId: this.#topicId, partitions }] : [],
        shareAcquireMode,
      })
      const [told] = responses.flatMap((topic: any) => topic.partitions)
      if (errorCode === 0) this.#session++
      if (told?.errorCode === notYet) {
        empty += 0.1
        await sleep(20)
        continue
      }
      if (errorCode !== 0 || (told?.errorCode ?? 0) !== 0) {
        talk.tell('fetch fails', [errorCode, told?.errorCode])
        break
      }
      const ranges = told?.acquiredRecords ?? []
      acquired.push(...ranges)
      empty = ranges.length > 0 ? 0 : empty + 1
    }
    const ranges = joined(acquired)
    this.#acquired.push(...ranges)
    talk.tell(
      'acquired',
      ranges.map(each => `${each.firstOffset}-${each.lastOffset}x${each.deliveryCount}`),
    )
  }

  async #acknowledge(): Promise<void> {
    const talk = this.#talk
    if (this.#acquired.length === 0) return
    const at = talk.below(this.#acquired.length)
    const range = this.#acquired[at]!
    this.#said.add(range)
    if (talk.chance(0.9) || this.#isShortened) this.#acquired.splice(at, 1)
    const lastOffset = range.lastOffset
    const firstOffset = Math.min(lastOffset, range.firstOffset + talk.oneOf([0, 0, 1]))
    const acknowledgeTypes = [talk.oneOf([accept, accept, release, release, reject])]
    const acknowledgementBatches = [{ firstOffset, lastOffset, acknowledgeTypes }]
    const partitions = [{ partitionIndex: 0, acknowledgementBatches }]
    const { errorCode, responses } = await this.#ask('shareAcknowledge', talk.oneOf([1, 2]), {
      ...{ groupId: this.#group, memberId, shareSessionEpoch: this.#session },
      topics: [{ topicId: this.#topicId, partitions }],
    })
    if (errorCode === 0) this.#session++
    this.#isKnown = true
    const errors = responses.flatMap((topic: any) => topic.partitions.map((each: any) => each.errorCode))
    talk.tell(`acknowledge ${JSON.stringify(acknowledgementBatches)}`, [errorCode, errors])
  }

  // --- the group ----------------------------------------------------------------------------------------------------

  async #configure(): Promise<void> {
    const talk = this.#talk
    const values = {
      'share.auto.offset.reset': talk.oneOf(['earliest', 'latest', 'by_duration:PT1H', 'by_duration:PT10H']),
      'share.delivery.count.limit': talk.oneOf(['2', '3', '5']),
      'share.record.lock.duration.ms': '60000',
    }
    const configs = Object.entries(values).map(([name, value]) => ({ name, configOperation: 0, value }))
    const resources = [{ resourceType: ofGroup, resourceName: this.#group, configs }]
    await talk.ask('incrementalAlterConfigs', 1, { resources })
    await talk.settled()
    talk.tell('configs', values)
  }

  #administrate(): Promise<void> {
    const dice = this.#talk.below(10)
    return dice < 5 ? this.#alter() : dice < 7 ? this.#delete() : this.#describe()
  }

  async #alter(): Promise<void> {
    const talk = this.#talk
    const draw = () => ({
      topicName: talk.oneOf([talk.name, talk.name, talk.name, `${talk.name}-nowhere`, '']),
      partitions: talk.oneOf([[0], [0], [0], [0, 1], [7]]).map(partitionIndex => ({
        partitionIndex,
        // One of -1 is an offset at Kafka, see the differences.
        startOffset: talk.oneOf([0, 1, 2, 4, 9, 50]),
      })),
    })
    const topics = [draw()]
    const answer = await this.#settled(() =>
      talk.ask('alterShareGroupOffsets', 0, { groupId: this.#group, topics }),
    )
    const told = answer.responses[0]?.partitions ?? []
    if (told[0]?.errorCode === 0) {
      this.#isSet = true
      this.#isKnown = true
    }
    talk.tell(`alter ${JSON.stringify(topics)}`, talk.shown(answer))
  }

  async #delete(): Promise<void> {
    const talk = this.#talk
    const topics = talk.oneOf([[talk.name], [talk.name], [`${talk.name}-nowhere`], []])
    const asked = { groupId: this.#group, topics: topics.map(topicName => ({ topicName })) }
    const answer = await this.#settled(() => talk.ask('deleteShareGroupOffsets', 0, asked))
    if (topics.includes(talk.name) && answer.errorCode === 0) this.#isKnown = false
    talk.tell(`delete offsets of ${topics}`, talk.shown(answer))
  }

  async #describe(): Promise<void> {
    const talk = this.#talk
    if (!this.#isKnown) return
    const topicNames = talk.oneOf([[talk.name], null])
    // For a partition that no group has read Kafka looks for half a minute.
    const topics = topicNames?.map(topicName => ({ topicName, partitions: [0] })) ?? null
    const { groups } = await talk.ask('describeShareGroupOffsets', talk.below(2), {
      groups: [{ groupId: this.#group, topics }],
    })
    // Kafka writes where a group is now and then, and finds out with a fetch that records are gone.
    for (const each of groups[0].topics.flatMap((topic: any) => topic.partitions)) {
      if (!this.#isSet) each.startOffset = Math.sign(each.startOffset + 1)
      if (this.#isShortened) each.lag = -1
    }
    talk.tell(`describe offsets ${topicNames}`, talk.shown(groups))
  }

  #settled(ask: () => Promise<any>): Promise<any> {
    return this.#talk.eventually(ask, ({ errorCode }) => passing.has(errorCode))
  }
}

/** Kafka no longer knows batches that it has read from its topic of states. */
function joined(ranges: readonly Acquired[]): Acquired[] {
  const one: Acquired[] = []
  for (const each of ranges) {
    const before = one.at(-1)
    if (before?.lastOffset === each.firstOffset - 1 && before.deliveryCount === each.deliveryCount)
      one.splice(-1, 1, { ...before, lastOffset: each.lastOffset })
    else one.push(each)
  }
  return one
}
