import type { ConsumerRecord, OpenTopics, PubSub } from '../../src/index.ts'
import { isBrokerletError } from '../../src/index.ts'
import { Lot } from '../helpers/lot.ts'

const planned = new Error('planned')

/** A program whose calls are drawn by lot, and what came of each: the same on every engine. */
export class Program {
  readonly told: string[] = []
  readonly #place: PubSub<OpenTopics>
  readonly #lot: Lot

  constructor(place: PubSub<OpenTopics>, seed: number) {
    this.#place = place
    this.#lot = new Lot(seed)
  }

  async run(calls: number): Promise<readonly string[]> {
    const kinds = [
      ...many(4, () => this.#send()),
      ...many(3, () => this.#sendBatch()),
      ...many(2, () => this.#transaction()),
      ...many(3, () => this.#readAll()),
      ...many(3, () => this.#consume()),
      ...many(2, () => this.#handle()),
      ...many(2, () => this.#administerTopic()),
      ...many(2, () => this.#administerGroup()),
      () => this.#seek(),
      () => this.#redrive(),
    ]
    for (let i = 0; i < calls; i++) await this.#lot.oneOf(kinds)()
    return this.told
  }

  // --- chance -------------------------------------------------------------------------------------------------------

  #some<T>(share: number, choices: readonly T[]): T | undefined {
    return this.#lot.chance(share) ? this.#lot.oneOf(choices) : undefined
  }

  get #topic(): string {
    return this.#lot.oneOf(['one', 'three', 'later', 'one', 'three', 'missing'])
  }

  get #partition(): number {
    return this.#lot.oneOf([0, 0, 1, 2, 5])
  }

  get #group(): string {
    return this.#lot.oneOf(['g', 'h', 'new'])
  }

  #message(): any {
    const key = this.#some(0.7, ['k', 'l', 'ü', '', null])
    const partition = this.#some(0.3, [0, 0, 1, 2, 5])
    const headers = this.#some(0.2, [{ h: 'v' }, { h: ['a', 'b'] }, { h: new Uint8Array([1, 2]) }, {}])
    const timestamp = this.#some(0.2, [0, 1000, 1_700_000_000_000])
    const wrong = this.#some<object>(0.04, [
      { partition: -1 },
      { partition: 1.5 },
      { key: 5 },
      { headers: { h: 5 } },
      { headers: [] },
      { timestamp: Number.NaN },
      { topic: '' },
      { value: undefined },
      { value: 10n },
      { nonsense: 1 },
    ])
    return {
      topic: this.#topic,
      value: this.#lot.oneOf([1, 'x', null, { a: [1, { b: 'ü' }] }, true, [1], '', 0, 1.5, 'bad']),
      ...(key !== undefined && { key }),
      ...(partition !== undefined && { partition }),
      ...(headers !== undefined && { headers }),
      ...(timestamp !== undefined && { timestamp }),
      ...wrong,
    }
  }

  #messages(most: number): any[] {
    return Array.from({ length: this.#lot.below(most + 1) }, () => this.#message())
  }

  // --- calls --------------------------------------------------------------------------------------------------------

  #send(): Promise<void> {
    const message = this.#message()
    return this.#tell(`send ${show(message)}`, async () =>
      placeOf(await this.#place.producer().send(message)),
    )
  }

  #sendBatch(): Promise<void> {
    const messages = this.#messages(4)
    return this.#tell(`send ${messages.map(show)}`, async () =>
      (await this.#place.producer().sendBatch(messages)).map(placeOf),
    )
  }

  #transaction(): Promise<void> {
    const messages = this.#messages(3)
    const aborts = this.#lot.chance(0.3)
    return this.#tell(`${aborts ? 'abort' : 'commit'} ${messages.map(show)}`, () =>
      this.#place.producer({ transactionalId: 'x' }).transaction(async tx => {
        for (const message of messages) await tx.send(message)
        if (aborts) throw planned
      }),
    )
  }

  #readAll(): Promise<void> {
    const topic = this.#topic
    return this.#tell(`read ${topic}`, async () => {
      const reader = this.#place.consumer({ topics: [topic], from: 'beginning', until: 'end' })
      const records: ConsumerRecord[] = []
      for await (const record of reader) records.push(record)
      return sorted(records)
    })
  }

  /** A member that polls, and commits or not. */
  #consume(): Promise<void> {
    const [topic, groupId] = [this.#topic, this.#group]
    const autoOffsetReset = this.#lot.oneOf(['earliest', 'earliest', 'latest'] as const)
    const commits = this.#lot.chance(0.7)
    return this.#tell(`${groupId} polls ${topic}, ${autoOffsetReset}, commits ${commits}`, async () => {
      const consumer = this.#place.consumer({ topics: [topic], groupId, autoOffsetReset })
      try {
        await consumer.ready()
        const records: ConsumerRecord[] = []
        const { lag } = await this.#place.admin.describeGroup(groupId)
        while (records.length < lag) {
          const polled = await consumer.poll({ timeoutMs: 200 })
          if (polled.length === 0) break
          records.push(...polled)
        }
        if (commits) await consumer.commit()
        return sorted(records)
      } finally {
        await consumer.close()
      }
    })
  }

  /** A member whose handler refuses some values, which are dead letters then. */
  #handle(): Promise<void> {
    const [topic, groupId] = [this.#topic, this.#group]
    const concurrency = 1 + this.#lot.below(3)
    return this.#tell(`${groupId} handles ${topic}, ${concurrency} at once`, async () => {
      const consumer = this.#place.consumer({ topics: [topic], groupId, autoOffsetReset: 'earliest' })
      const handled: ConsumerRecord[] = []
      try {
        await consumer.run({
          concurrency,
          retry: { attempts: 2, delayMs: 1 },
          onFailure: { deadLetter: 'dead' },
          eachRecord: record => {
            if (record.value === 'bad') throw planned
            handled.push(record)
          },
        })
        await consumer.caughtUp({ timeoutMs: 20_000 })
      } finally {
        await consumer.close()
      }
      return sorted(handled)
    })
  }

  #seek(): Promise<void> {
    const [topic, partition, offset] = [this.#topic, this.#partition, this.#lot.oneOf([0, 1, 3, 100])]
    return this.#tell(`seek ${topic}-${partition} to ${offset}`, async () => {
      const consumer = this.#place.consumer({ assign: [{ topic, partition }], autoOffsetReset: 'earliest' })
      try {
        await consumer.ready()
        consumer.seek({ topic, partition }, offset)
        return sorted(await consumer.poll({ timeoutMs: 200 }))
      } finally {
        await consumer.close()
      }
    })
  }

  #redrive(): Promise<void> {
    return this.#tell('redrive', () => this.#place.redrive({ from: 'dead' }))
  }

  #administerTopic(): Promise<void> {
    const { admin } = this.#place
    const [topic, partition] = [this.#topic, this.#partition]
    const total = this.#lot.oneOf([1, 2, 3, 4, 0, -1])
    const options = this.#lot.oneOf<any>([{}, { partitions: 2 }, { partitions: 0 }, { nonsense: 1 }])
    const changes = this.#lot.oneOf<any>([
      { retentionMs: 1e12 },
      { retentionMs: null },
      { retentionMs: -5 },
      {},
    ])
    const offset = this.#lot.oneOf([0, 1, 2, 100, -1])
    const at = this.#lot.oneOf<any>([
      'earliest',
      'latest',
      { timestamp: 1000 },
      { timestamp: 1_700_000_000_001 },
    ])
    const calls: Readonly<Record<string, () => unknown>> = {
      [`create later ${JSON.stringify(options)}`]: () => admin.createTopic('later', options),
      [`delete ${topic}`]: () => admin.deleteTopic(topic),
      [`${topic} to ${total} partitions`]: () => admin.addPartitions(topic, total),
      [`alter ${topic} ${JSON.stringify(changes)}`]: () => admin.alterTopic(topic, changes),
      [`delete records of ${topic}-${partition} before ${offset}`]: () =>
        admin.deleteRecords([{ topic, partition, offset }]),
      [`offsets of ${topic}-${partition} at ${JSON.stringify(at)}`]: () =>
        admin.listOffsets([{ topic, partition }], at),
      topics: () => admin.listTopics(),
      [`describe ${topic}`]: async () =>
        (await admin.describeTopic(topic)).partitions.map(each => [
          each.partition,
          each.logStartOffset,
          each.highWatermark,
        ]),
    }
    const [what, call] = this.#lot.oneOf(Object.entries(calls))
    return this.#tell(what, call)
  }

  #administerGroup(): Promise<void> {
    const { admin } = this.#place
    const [groupId, topic, partition] = [this.#group, this.#topic, this.#partition]
    const to = this.#lot.oneOf<any>([
      'earliest',
      'latest',
      { timestamp: 1000 },
      [{ topic, partition, offset: this.#lot.below(4) }],
      [{ topic, partition, offset: -1 }],
      [{ topic, partition, offset: 1000 }],
      [],
    ])
    const calls: Readonly<Record<string, () => unknown>> = {
      [`set offsets of ${groupId} to ${JSON.stringify(to)}`]: () => admin.setGroupOffsets(groupId, to),
      [`delete an offset of ${groupId} in ${topic}-${partition}`]: () =>
        admin.deleteGroupOffsets(groupId, [{ topic, partition }]),
      [`delete ${groupId}`]: () => admin.deleteGroup(groupId),
      groups: () => admin.listGroups(),
      [`describe ${groupId}`]: async () => {
        const { state, members } = await admin.describeGroup(groupId)
        return [state, members.length]
      },
    }
    const [what, call] = this.#lot.oneOf(Object.entries(calls))
    return this.#tell(what, call)
  }

  // --- telling ------------------------------------------------------------------------------------------------------

  // Of two things that are wrong with a call any may be told.
  async #tell(what: string, call: () => unknown): Promise<void> {
    let came: unknown
    try {
      came = await call()
    } catch (error) {
      came = isBrokerletError(error) ? 'refused' : error === planned ? 'planned' : `failed: ${error}`
    }
    this.told.push(`${what}: ${JSON.stringify(came)}`)
  }
}

function many<T>(count: number, each: T): T[] {
  return Array.from({ length: count }, () => each)
}

function placeOf({ topic, partition, offset }: { topic: string; partition: number; offset: number }) {
  return [topic, partition, offset]
}

function sorted(records: readonly ConsumerRecord[]): unknown[] {
  const fixed = 1_700_000_000_001
  return records
    .toSorted((a, b) => a.partition - b.partition || a.offset - b.offset)
    .map(({ partition, offset, key, value, headers, timestamp }) => [
      partition,
      offset,
      key,
      value,
      headers,
      timestamp < fixed ? timestamp : 'now',
    ])
}

function show(message: object): string {
  return JSON.stringify(message, (_, value) => (typeof value === 'bigint' ? `${value}n` : value))
}
