import { expect, it } from 'vitest'
import type { OffsetSpan } from '../../../src/server/share/offset-span.ts'
import { SharePartition } from '../../../src/server/share/share-partition.ts'
import { fc } from '../../helpers/fast-check.ts'

const limits = { deliveryCountLimit: 3, maxRecordLocks: 12, renews: true }
const lockMs = 100
const members = ['a', 'b', 'c'] as const

/** What is known of an offset, without any cleverness. */
interface Known {
  /** Whether the log has a record there that the group gets. */
  readable: boolean
  deliveries: number
  holder: string | undefined
  heldUntil: number
  done: boolean
}

/** A log and what its readers have been told, kept offset by offset. */
class Model {
  readonly partition = new SharePartition(0)
  readonly offsets: Known[] = []
  readonly batches: OffsetSpan[] = []
  logStart = 0
  now = 0

  append(count: number, gap: boolean): void {
    const first = this.offsets.length
    for (let i = 0; i < count; i++) {
      const readable = !(gap && i === count - 1)
      this.offsets.push({ readable, deliveries: 0, holder: undefined, heldUntil: 0, done: false })
    }
    // One whose records are all gone is not read any more.
    const last = first + count - (gap ? 2 : 1)
    if (last >= first) this.batches.push({ first, last })
  }

  acquire(memberId: string, maxRecords: number, exact: boolean): void {
    const from = this.partition.nextFetchOffset(limits)
    if (from === undefined) return
    // Compaction may have left a part of a batch, or nothing, even of the first.
    const batches = this.batches.flatMap(({ first, last }) => {
      const left = this.#runs(Math.max(first, from), last + 1)
      return left.length === 0 ? [] : [{ first: left[0]!.first, last }]
    })
    if (batches.length === 0) return this.partition.passOver(this.offsets.length)
    const acquired = this.partition.acquire(
      {
        memberId,
        batches,
        maxRecords,
        exact,
        batchSize: 4,
        lockedUntil: this.now + lockMs,
        readable: (first, to) => this.#runs(first, to),
      },
      limits,
    )
    let count = 0
    for (const { first, last, deliveryCount } of acquired) {
      for (let offset = first; offset <= last; offset++) {
        const known = this.offsets[offset]!
        count++
        expect(known, `${offset} is acquired by ${memberId}`).toMatchObject({
          holder: undefined,
          done: false,
        })
        expect(offset).toBeGreaterThanOrEqual(this.logStart)
        expect(known.readable, `there is a record at ${offset}`).toBe(true)
        known.deliveries++
        known.holder = memberId
        known.heldUntil = this.now + lockMs
        expect(known.deliveries).toBe(deliveryCount)
        expect(deliveryCount).toBeLessThanOrEqual(limits.deliveryCountLimit)
      }
    }
    if (exact) expect(count).toBeLessThanOrEqual(maxRecords)
  }

  #runs(from: number, to: number): OffsetSpan[] {
    const runs: OffsetSpan[] = []
    for (let offset = Math.max(from, this.logStart); offset < Math.min(to, this.offsets.length); offset++) {
      if (this.offsets[offset]!.readable) runs.push({ first: offset, last: offset })
    }
    return runs
  }

  acknowledge(memberId: string, first: number, count: number, type: number): void {
    const last = first + count - 1
    const { startOffset, endOffset } = this.partition
    const error = this.partition.acknowledge(
      memberId,
      [{ firstOffset: first, lastOffset: last, acknowledgeTypes: [type] }],
      limits,
      this.now + lockMs,
    )
    if (last < startOffset) return expect(error).toBeUndefined()
    const mine = this.#held(memberId, Math.max(first, startOffset), last)
    expect(error === undefined).toBe(last < endOffset && mine)
    if (error !== undefined) return
    for (let offset = Math.max(first, startOffset); offset <= last; offset++) {
      const known = this.offsets[offset]!
      if (type === 4) known.heldUntil = this.now + lockMs
      else if (type === 2) this.#giveBack(known)
      else Object.assign(known, { done: true, holder: undefined })
    }
  }

  #held(memberId: string, first: number, last: number): boolean {
    return (
      this.offsets.slice(first, last + 1).length === last - first + 1 &&
      this.offsets.slice(first, last + 1).every(({ holder }) => holder === memberId)
    )
  }

  #giveBack(known: Known): void {
    known.holder = undefined
    if (known.deliveries >= limits.deliveryCountLimit) known.done = true
  }

  leave(memberId: string): void {
    this.partition.release(memberId, limits)
    for (const known of this.offsets) if (known.holder === memberId) this.#giveBack(known)
  }

  pass(ms: number): void {
    this.now += ms
    this.partition.expire(this.now, limits)
    for (const known of this.offsets) {
      if (known.holder !== undefined && known.heldUntil <= this.now) this.#giveBack(known)
    }
  }

  trim(count: number): void {
    this.logStart = Math.min(this.offsets.length, this.logStart + count)
    this.partition.archiveBefore(this.logStart)
    for (const known of this.offsets.slice(0, this.logStart))
      Object.assign(known, { done: true, holder: undefined })
  }

  /** Of what may come again, or of all that there is. */
  compact(at: number): void {
    const available = this.partition.inFlight.filter(({ state }) => state === 'available')
    const run = available[at % Math.max(1, available.length)]
    for (const known of this.offsets.slice(run?.first ?? at, (run?.last ?? at) + 1)) {
      if (known.holder === undefined) known.readable = false
    }
  }

  /** The partition and the model say the same of each offset. */
  check(startBefore: number): void {
    const { partition } = this
    expect(partition.startOffset, 'the start moves forward only').toBeGreaterThanOrEqual(startBefore)
    const states = new Map<number, string>()
    let before = partition.startOffset - 1
    for (const { first, last, state, memberId } of partition.inFlight) {
      expect(first).toBeGreaterThan(before)
      before = last
      for (let offset = first; offset <= last; offset++) states.set(offset, `${state} ${memberId}`)
    }
    expect(before).toBeLessThan(partition.endOffset)
    expect(partition.startOffset).toBe(partition.inFlight[0]?.first ?? partition.endOffset)
    for (const [offset, { holder, done, readable }] of this.offsets.entries()) {
      const state = states.get(offset)
      if (holder !== undefined) expect(state, `${offset}`).toBe(`acquired ${holder}`)
      else if (done) expect(state, `${offset}`).toBeUndefined()
      // What was compacted is found out when it is looked at.
      else if (readable && offset < partition.endOffset) expect(state, `${offset}`).toBe('available ')
    }
  }

  /** Everything that is left gets done by one member that works it all off. */
  finish(): void {
    for (let round = 0; round < 1000; round++) {
      this.pass(lockMs)
      this.acquire('z', 5, true)
      for (const { first, last, memberId } of this.partition.inFlight) {
        if (memberId === 'z') this.acknowledge('z', first, last - first + 1, 1)
      }
      if (this.offsets.every(({ done, readable }) => done || !readable)) return
    }
    throw new Error('not everything was delivered')
  }
}

const member = fc.constantFrom(...members)
const step = fc.oneof(
  {
    weight: 2,
    arbitrary: fc.tuple(fc.integer({ min: 1, max: 6 }), fc.boolean()).map(
      ([n, gap]) =>
        (m: Model) =>
          m.append(n, gap),
    ),
  },
  {
    weight: 4,
    arbitrary: fc.tuple(member, fc.integer({ min: 1, max: 8 }), fc.boolean()).map(
      ([who, n, exact]) =>
        (m: Model) =>
          m.acquire(who, n, exact),
    ),
  },
  {
    weight: 5,
    arbitrary: fc
      .tuple(member, fc.nat(8), fc.integer({ min: 1, max: 5 }), fc.integer({ min: 0, max: 4 }))
      .map(
        ([who, at, n, type]) =>
          (m: Model) =>
            m.acknowledge(who, m.partition.startOffset + at, n, type),
      ),
  },
  {
    weight: 3,
    // What a member really has.
    arbitrary: fc.tuple(fc.nat(10), fc.integer({ min: 0, max: 4 })).map(([at, type]) => (m: Model) => {
      const held = m.partition.inFlight.filter(({ state }) => state === 'acquired')
      const run = held[at % Math.max(1, held.length)]
      if (run !== undefined) m.acknowledge(run.memberId, run.first, run.last - run.first + 1, type)
    }),
  },
  { weight: 1, arbitrary: member.map(who => (m: Model) => m.leave(who)) },
  {
    weight: 4,
    // It takes records in hand and goes, again and again.
    arbitrary: fc.tuple(member, fc.integer({ min: 1, max: 4 })).map(([who, times]) => (m: Model) => {
      for (let i = 0; i < times; i++) {
        m.acquire(who, 4, false)
        m.leave(who)
      }
    }),
  },
  { weight: 2, arbitrary: fc.integer({ min: 1, max: 120 }).map(ms => (m: Model) => m.pass(ms)) },
  { weight: 1, arbitrary: fc.nat(4).map(n => (m: Model) => m.trim(n)) },
  { weight: 1, arbitrary: fc.nat(30).map(at => (m: Model) => m.compact(at)) },
)

it('gives each record to one member at a time, loses none, and counts its deliveries', () => {
  fc.assert(
    fc.property(fc.array(step, { minLength: 1, maxLength: 60 }), steps => {
      const model = new Model()
      for (const each of steps) {
        const before = model.partition.startOffset
        each(model)
        model.check(before)
      }
      model.finish()
      expect(model.partition.inFlight).toEqual([])
    }),
    { numRuns: 500 },
  )
})
