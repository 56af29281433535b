import { expect, it } from 'vitest'
import { Broker, type Partition, topic } from '../../src/index.ts'
import { thrownBy } from '../helpers/errors.ts'
import { fc } from '../helpers/fast-check.ts'
import { SetClock } from '../helpers/set-clock.ts'

interface Kept {
  readonly offset: number
  readonly timestamp: number
  readonly value: number
}

/** A partition as the plainest thing that could work: an array, and where it begins. */
class PlainLog {
  all: Kept[] = []
  start = 0
  readonly retentionRecords: number

  constructor(retentionRecords: number) {
    this.retentionRecords = retentionRecords
  }

  get end(): number {
    return this.all.length
  }

  get kept(): Kept[] {
    return this.all.slice(this.start)
  }

  append(timestamp: number): void {
    this.all.push({ offset: this.end, timestamp, value: this.end * 7 })
    if (this.retentionRecords !== -1) this.start = Math.max(this.start, this.end - this.retentionRecords)
  }
}

interface World {
  readonly partition: Partition
  readonly clock: SetClock
  write(timestamps: readonly number[]): void
}

type Command = fc.Command<PlainLog, World>

/** Compares everything that a reader can see. */
function compare(model: PlainLog, { partition }: World): void {
  expect([partition.logStartOffset, partition.highWatermark]).toEqual([model.start, model.end])
  const read = partition.read(model.start, { maxRecords: 1000 })
  expect(read.map(({ offset, timestamp, value }) => ({ offset, timestamp, value }))).toEqual(model.kept)
}

class Append implements Command {
  readonly deltas: readonly number[]
  constructor(deltas: readonly number[]) {
    this.deltas = deltas
  }
  check = () => true
  run(model: PlainLog, world: World): void {
    const timestamps = this.deltas.map(delta => world.clock.now() + delta)
    world.write(timestamps)
    for (const timestamp of timestamps) model.append(timestamp)
    compare(model, world)
  }
  toString = () => `append(${this.deltas.join(', ')})`
}

class DeleteRecords implements Command {
  readonly share: number
  constructor(share: number) {
    this.share = share
  }
  check = () => true
  run(model: PlainLog, world: World): void {
    // Somewhere from 0 to two past the end.
    const before = Math.floor(this.share * (model.end + 3))
    if (before > model.end) {
      expect(thrownBy(() => world.partition.deleteRecords(before))).toMatchObject({
        errno: 1,
        offset: before,
      })
    } else {
      world.partition.deleteRecords(before)
      model.start = Math.max(model.start, before)
    }
    compare(model, world)
  }
  toString = () => `deleteRecords(${this.share})`
}

class Read implements Command {
  readonly share: number
  readonly maxRecords: number
  constructor(share: number, maxRecords: number) {
    this.share = share
    this.maxRecords = maxRecords
  }
  check = () => true
  run(model: PlainLog, { partition }: World): void {
    const offset = Math.floor(this.share * (model.end + 2))
    if (offset < model.start || offset > model.end) {
      expect(thrownBy(() => partition.read(offset))).toMatchObject({ code: 'OFFSET_OUT_OF_RANGE', offset })
      return
    }
    const read = partition.read(offset, { maxRecords: this.maxRecords })
    expect(read.map(record => record.value)).toEqual(
      model.all.slice(offset, offset + this.maxRecords).map(record => record.value),
    )
  }
  toString = () => `read(${this.share}, ${this.maxRecords})`
}

class LookUp implements Command {
  readonly delta: number
  constructor(delta: number) {
    this.delta = delta
  }
  check = () => true
  run(model: PlainLog, { partition, clock }: World): void {
    const time = clock.now() + this.delta
    const first = model.kept.find(record => record.timestamp >= time)
    expect(partition.offsetForTimestamp(time)).toBe(first?.offset ?? null)
  }
  toString = () => `offsetForTimestamp(now + ${this.delta})`
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

// Mostly near now, sometimes years away: the columns of a segment change their kind at 24 days.
const delta = fc.oneof(
  { weight: 4, arbitrary: fc.constant(0) },
  { weight: 3, arbitrary: fc.integer({ min: -50, max: 50 }) },
  { weight: 1, arbitrary: fc.integer({ min: -1_000_000_000_000, max: 1_000_000_000_000 }) },
)
// Of the log, in hundredths: most doubles between 0 and 1 are next to 0.
const share = fc.nat(99).map(hundredths => hundredths / 100)

const commands = [
  fc.array(delta, { minLength: 1, maxLength: 12 }).map(deltas => new Append(deltas)),
  fc.array(delta, { minLength: 1, maxLength: 3 }).map(deltas => new Append(deltas)),
  share.map(each => new DeleteRecords(each)),
  fc.tuple(share, fc.integer({ min: 1, max: 20 })).map(([each, max]) => new Read(each, max)),
  delta.map(each => new LookUp(each)),
  fc.integer({ min: 0, max: 100 }).map(ms => new Wait(ms)),
]

it('behaves like an array that begins somewhere', () => {
  const shapes = fc.record({
    segmentRecords: fc.integer({ min: 1, max: 7 }),
    retentionRecords: fc.constantFrom(-1, -1, 1, 4, 9),
    segmentMs: fc.constantFrom(1, 40, 1_000_000),
  })
  fc.assert(
    fc.property(shapes, fc.commands(commands, { maxCommands: 40 }), (shape, sequence) => {
      const clock = new SetClock()
      const definition = topic<number>({ ...shape, retentionMs: -1, messageTimestampAfterMaxMs: -1 })
      const log = new Broker({ clock, topics: { log: definition } }).topic('log')
      const partition = log.partitions[0]!
      const write = (timestamps: readonly number[]) => {
        for (const timestamp of timestamps) log.append({ value: partition.highWatermark * 7, timestamp })
      }
      const world: World = { partition, clock, write }
      fc.modelRun(() => ({ model: new PlainLog(shape.retentionRecords), real: world }), sequence)
    }),
    { numRuns: 300 },
  )
})
