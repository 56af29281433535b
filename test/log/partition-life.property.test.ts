import { expect, it } from 'vitest'
import {
  Broker,
  type ConsumerGroup,
  type Partition,
  type Topic,
  type TopicOptions,
  topic,
} from '../../src/index.ts'
import type { BatchMetadata } from '../../src/log/topic.ts'
import { BatchReader } from '../../src/server/batch-reader.ts'
import { readBatches, readRecords, writeBatch } from '../../src/server/protocol/record-batch.ts'
import { toEncodedBatch } from '../../src/server/wire-batch.ts'
import { OpenTransaction } from '../../src/transaction/open-transaction.ts'
import { fc } from '../helpers/fast-check.ts'
import { SetClock } from '../helpers/set-clock.ts'

type Fate = 'plain' | 'open' | 'committed' | 'aborted' | 'control'

interface Written {
  readonly offset: number
  readonly key: string
  readonly value: number | null
  readonly producer: number | undefined
  fate: Fate
}

/** A partition that is compacted, trimmed and written to in transactions, as the plainest thing that could work. */
class PlainLog {
  all: Written[] = []
  end = 0
  start = 0
  readonly open: Map<number, Written[]> = new Map()

  get stable(): number {
    const firsts = [...this.open.values()].flatMap(records => records.map(({ offset }) => offset))
    return Math.min(this.end, Math.max(this.start, Math.min(...firsts, Number.POSITIVE_INFINITY)))
  }

  write(key: string, value: number | null, producer?: number): void {
    const record: Written = {
      offset: this.end++,
      key,
      value,
      producer,
      fate: producer === undefined ? 'plain' : 'open',
    }
    this.all.push(record)
    if (producer !== undefined) this.open.set(producer, [...(this.open.get(producer) ?? []), record])
  }

  endTransaction(producer: number, fate: 'committed' | 'aborted'): void {
    for (const record of this.open.get(producer) ?? []) record.fate = fate
    this.open.delete(producer)
    this.all.push({ offset: this.end++, key: '', value: null, producer, fate: 'control' })
  }

  /** What a reader gets. */
  seen(committed: boolean): Written[] {
    const end = committed ? this.stable : this.end
    const hidden: readonly Fate[] = committed ? ['control', 'aborted'] : ['control']
    return this.all.filter(
      ({ offset, fate }) => offset >= this.start && offset < end && !hidden.includes(fate),
    )
  }

  /** The last value that each key has, of what counts. */
  get newest(): Map<string, number | null> {
    return new Map(this.seen(true).map(({ key, value }) => [key, value]))
  }
}

interface World {
  readonly broker: Broker
  readonly log: Topic<never, { key: string; value: number | null }>
  readonly partition: Partition
  readonly clock: SetClock
  readonly open: Map<number, OpenTransaction>
  /** Reads it as a client on the wire does. */
  readonly batches: BatchReader
  /** The group that reads it, where the broker may run full. */
  readonly group?: ConsumerGroup
}

type Shape = Omit<TopicOptions, 'schema' | 'codec' | 'keys'>

/** A partition of this shape in a broker of its own; where it may run full, a group reads it. */
function makeWorld(shape: Shape, madeBytes: number, maxRecords?: number): World {
  const clock = new SetClock()
  const definition = topic<number | null, string>(shape)
  const broker = new Broker({ clock, maxRecords, topics: { log: definition } })
  broker.on('recordsDropped', () => {})
  const log = broker.topic('log')
  const world: World = {
    broker: broker as never,
    log: log as never,
    partition: log.partitions[0]!,
    clock,
    open: new Map(),
    batches: new BatchReader(madeBytes),
  }
  if (maxRecords === undefined) return world
  return { ...world, group: broker.createGroup('g', { topics: ['log'] }) }
}

type Command = fc.Command<PlainLog, World>

/** What a full broker drops is not foretold; what the group had read goes first. */
function noteDropped(model: PlainLog, { partition, group }: World): void {
  if (group !== undefined) model.start = partition.logStartOffset
}

function plain(records: readonly { offset: number; key: unknown; value: unknown }[]) {
  return records.map(({ offset, key, value }) => ({ offset, key, value }))
}

/** What a client on the wire reads, with answers of so many bytes. */
function readByWire({ partition, batches }: World, committed: boolean, maxBytes: number) {
  const none = () => expect.unreachable('nothing is compressed')
  const records: { offset: number; key: unknown; value: unknown }[] = []
  for (let from = partition.logStartOffset; ; from = records.at(-1)!.offset + 1) {
    const { pieces, bytes } = batches.read(partition, from, maxBytes, committed)
    if (bytes === 0) return records
    const answer = readBatches(Buffer.concat(pieces)).flatMap(batch => readRecords(batch, none))
    // A batch may begin before what was asked for.
    for (const { offset, key, value } of answer) {
      if (offset >= from)
        records.push({ offset, key: `${key}`, value: value === null ? null : JSON.parse(`${value}`) })
    }
    expect(records.at(-1)!.offset).toBeGreaterThanOrEqual(from)
  }
}

/** What is there is what the model has, but for what compaction took; of each key the newest is there. */
function compare(model: PlainLog, world: World): void {
  const { partition } = world
  expect([partition.logStartOffset, partition.highWatermark, partition.lastStableOffset]).toEqual([
    model.start,
    model.end,
    model.stable,
  ])
  for (const isolationLevel of ['read_uncommitted', 'read_committed'] as const) {
    const committed = isolationLevel === 'read_committed'
    const read = partition.read(model.start, { maxRecords: 10_000, isolationLevel })
    const byOffset = new Map(model.seen(committed).map(record => [record.offset, record]))
    const offsets = read.map(({ offset }) => offset)
    expect(offsets).toEqual(offsets.toSorted((a, b) => a - b))
    expect(plain(read)).toEqual(plain(offsets.map(offset => byOffset.get(offset)!)))
    expect(partition.countFrom(0, model.end, committed)).toBe(read.length)
    for (const maxBytes of [150, 500, 1e6])
      expect(readByWire(world, committed, maxBytes)).toEqual(plain(read))
    for (const from of [model.start, Math.floor((model.start + model.end) / 2), model.end]) {
      const rest = partition.read(from, { maxRecords: 3, isolationLevel })
      const left = read.filter(({ offset }) => offset >= from)
      expect(plain(rest)).toEqual(plain(left.slice(0, 3)))
      expect(partition.countFrom(from, model.end, committed)).toBe(left.length)
    }
    if (!committed) continue
    // Tombstones are kept for as long as this runs.
    const newest = new Map(read.map(({ key, value }) => [key as string, value as number | null]))
    expect(newest).toEqual(model.newest)
  }
}

class Send implements Command {
  readonly updates: readonly (readonly [string, number | null])[]
  readonly producer: number | undefined
  constructor(updates: readonly (readonly [string, number | null])[], producer: number | undefined) {
    this.updates = updates
    this.producer = producer
  }
  check = () => true
  run(model: PlainLog, world: World): void {
    for (const [key, value] of this.updates) {
      const { offset } = world.log.append({ key, value })
      if (this.producer !== undefined) {
        const transaction = world.open.get(this.producer) ?? new OpenTransaction(this.producer, 0)
        world.open.set(this.producer, transaction)
        transaction.wrote(world.log as never, 0, offset)
      }
      model.write(key, value, this.producer)
    }
    noteDropped(model, world)
    compare(model, world)
  }
  toString = () => `send(${JSON.stringify(this.updates)}, ${this.producer ?? 'plain'})`
}

class SendBatch extends Send {
  override run(model: PlainLog, world: World): void {
    const { broker, log, clock } = world
    const records = this.updates.map(([key, value], offset) => ({
      offset,
      timestamp: clock.now(),
      key: Buffer.from(key),
      value: value === null ? null : Buffer.from(`${value}`),
      headers: [],
    }))
    const [header] = readBatches(writeBatch(records))
    const batch = toEncodedBatch(log as never, header!, clock.now())
    const target = { topic: log as never, partition: 0 }
    const { baseOffset } = broker.engine.appendEncoded(target, batch) as BatchMetadata
    if (this.producer !== undefined) {
      const transaction = world.open.get(this.producer) ?? new OpenTransaction(this.producer, 0)
      world.open.set(this.producer, transaction)
      transaction.wrote(log as never, 0, baseOffset, records.length)
    }
    for (const [key, value] of this.updates) model.write(key, value, this.producer)
    noteDropped(model, world)
    compare(model, world)
  }
  override toString = () => `sendBatch(${JSON.stringify(this.updates)}, ${this.producer ?? 'plain'})`
}

class End implements Command {
  readonly producer: number
  readonly fate: 'committed' | 'aborted'
  constructor(producer: number, fate: 'committed' | 'aborted') {
    this.producer = producer
    this.fate = fate
  }
  check = (model: PlainLog) => model.open.has(this.producer)
  run(model: PlainLog, world: World): void {
    const transaction = world.open.get(this.producer)!
    world.open.delete(this.producer)
    transaction.end(this.fate === 'committed' ? 'committed' : new Error('aborted'), world.clock.now())
    model.endTransaction(this.producer, this.fate)
    compare(model, world)
  }
  toString = () => `${this.fate}(${this.producer})`
}

class Compact implements Command {
  check = () => true
  run(model: PlainLog, world: World): void {
    world.log.compact()
    compare(model, world)
    // Of what was decided nothing is there twice, and nothing that was aborted.
    const keys = world.partition.read(model.start, { maxRecords: 10_000 }).map(({ key }) => key)
    if (model.stable === model.end) expect(new Set(keys).size).toBe(keys.length)
  }
  toString = () => 'compact()'
}

class Trim implements Command {
  readonly share: number
  constructor(share: number) {
    this.share = share
  }
  check = () => true
  run(model: PlainLog, world: World): void {
    const before = Math.floor(this.share * model.end)
    world.partition.deleteRecords(before)
    model.start = Math.max(model.start, before)
    compare(model, world)
  }
  toString = () => `deleteRecords(${this.share})`
}

class Commit implements Command {
  readonly share: number
  constructor(share: number) {
    this.share = share
  }
  check = () => true
  run(model: PlainLog, { group }: World): void {
    group!.setOffsets([{ topic: 'log', partition: 0, offset: Math.floor(this.share * model.end) }])
  }
  toString = () => `commit(${this.share})`
}

class Wait implements Command {
  readonly ms: number
  constructor(ms: number) {
    this.ms = ms
  }
  check = () => true
  run(_model: PlainLog, { clock }: World): void {
    clock.time += this.ms
  }
  toString = () => `wait(${this.ms})`
}

const update = fc.tuple(
  fc.constantFrom('a', 'b', 'c', 'd', 'e'),
  fc.oneof({ weight: 4, arbitrary: fc.nat(99) }, { weight: 1, arbitrary: fc.constant(null) }),
)
const producer = fc.constantFrom(1, 2, 3)

const sent = fc.tuple(
  fc.array(update, { minLength: 1, maxLength: 10 }),
  fc.option(producer, { nil: undefined }),
)

// Of the log, in hundredths: most doubles between 0 and 1 are next to 0. Often all of it.
const share = fc
  .oneof({ weight: 4, arbitrary: fc.nat(99) }, { weight: 1, arbitrary: fc.constant(100) })
  .map(hundredths => hundredths / 100)

const sendBatch = sent.map(([updates, who]) => new SendBatch(updates, who))
const writes = [
  sent.map(([updates, who]) => new Send(updates, who)),
  sendBatch,
  fc
    .tuple(producer, fc.constantFrom('committed' as const, 'aborted' as const))
    .map(([who, fate]) => new End(who, fate)),
  fc.nat(100).map(ms => new Wait(ms)),
]
const segmentRecords = fc.oneof(fc.integer({ min: 1, max: 9 }), fc.constant(40))
const kept = fc.constantFrom(0, 400, 10_000)

it('compacted, trimmed and written to in transactions, it shows what a tiny model shows', () => {
  const shapes = fc.record({
    segmentRecords,
    segmentMs: fc.constantFrom(1, 50, 1_000_000),
    minCleanableDirtyRatio: fc.constantFrom(0, 0.5, 1),
  })
  const commands = [...writes, share.map(before => new Trim(before)), fc.constant(new Compact())]
  fc.assert(
    fc.property(
      shapes,
      kept,
      fc.commands(commands, { maxCommands: 60, size: 'max' }),
      (shape, madeBytes, sequence) => {
        const compacted = { ...shape, cleanupPolicy: 'compact', deleteRetentionMs: 1e9 } as const
        const world = makeWorld(compacted, madeBytes)
        fc.modelRun(() => ({ model: new PlainLog(), real: world }), sequence)
      },
    ),
    { numRuns: 40 },
  )
}, 30_000)

it('in a full broker, which drops what its group has read, it shows what a tiny model shows', () => {
  const commit = share.map(before => new Commit(before))
  // Large segments, so that the group has mostly read a part of one.
  const shapes = fc.record({
    segmentRecords: fc.integer({ min: 8, max: 20 }),
    segmentMs: fc.constant(1_000_000),
  })
  fc.assert(
    fc.property(
      shapes,
      fc.integer({ min: 20, max: 30 }),
      kept,
      fc.commands([...writes, sendBatch, sendBatch, sendBatch, commit, commit], {
        maxCommands: 60,
        size: 'max',
      }),
      (shape, maxRecords, madeBytes, sequence) => {
        const world = makeWorld(shape, madeBytes, maxRecords)
        fc.modelRun(() => ({ model: new PlainLog(), real: world }), sequence)
        expect(world.broker.describe().records).toBeLessThanOrEqual(maxRecords)
      },
    ),
    { numRuns: 200 },
  )
}, 30_000)
