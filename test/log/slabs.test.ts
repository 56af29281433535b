import { describe, expect, it } from 'vitest'
import type { EncodedBatch } from '../../src/log/encoded-batch.ts'
import { Slabs } from '../../src/log/slabs.ts'
import { fc } from '../helpers/fast-check.ts'

// Batches of up to this size are copied; a larger one may be kept where it came.
const copied = 1 << 16

function batchOf(bytes: Buffer): EncodedBatch {
  return {
    size: bytes.length,
    copy: (target: Uint8Array, at: number) => target.set(bytes, at),
    own: () => bytes,
  } as unknown as EncodedBatch
}

/** A batch whose every byte tells which one it is. */
const filled = (size: number, which: number) => Buffer.alloc(size, which % 251)

const aSize = fc.oneof(
  fc.integer({ min: 61, max: 5000 }),
  fc.integer({ min: copied - 2, max: copied + 2 }),
  fc.integer({ min: 5000, max: 300_000 }),
)

const someSteps = fc.array(
  fc.oneof(
    { weight: 8, arbitrary: aSize.map(size => ({ size })) },
    { weight: 1, arbitrary: fc.nat(3).map(forgotten => ({ forgotten })) },
  ),
  { maxLength: 40 },
)

function appended(sizes: readonly number[], expected = 0): Slabs {
  const slabs = new Slabs(expected)
  for (const [i, size] of sizes.entries()) slabs.append(batchOf(filled(size, i)), 0, undefined)
  return slabs
}

/** The bytes of memory that batches take, by what of it can be seen. */
function memoryOf(slabs: Slabs): number {
  const memory = new Set(slabs.views(0, slabs.size).map(({ buffer }) => buffer))
  return [...memory].reduce((bytes, { byteLength }) => bytes + byteLength, 0)
}

describe('the bytes of a segment', () => {
  it('are those of its batches, whatever their sizes, also when the first of them were forgotten', () => {
    fc.assert(
      fc.property(someSteps, fc.nat(1 << 20), (steps, expected) => {
        const slabs = new Slabs(expected)
        let kept: Buffer[] = []
        steps.forEach((step, i) => {
          if ('size' in step) {
            kept.push(filled(step.size, i))
            slabs.append(batchOf(filled(step.size, i)), 0, undefined)
          } else if (step.forgotten < kept.length) {
            const forgotten = kept.slice(0, step.forgotten)
            slabs.dropFirst(Buffer.concat(forgotten).length)
            kept = kept.slice(step.forgotten)
          }
        })
        expect(slabs.size).toBe(Buffer.concat(kept).length)
        expect(Buffer.concat(slabs.views(0, slabs.size)).equals(Buffer.concat(kept))).toBe(true)
        let position = 0
        for (const batch of kept) {
          expect(Buffer.compare(slabs.view(position, position + batch.length), batch)).toBe(0)
          position += batch.length
        }
      }),
    )
  })

  it('that a reader has stay as they are when more come, when they are forgotten, and when none come any more', () => {
    const slabs = appended([100, 200, 300])
    const [view] = slabs.views(100, 300)
    for (let i = 0; i < 50; i++) slabs.append(batchOf(filled(1000, i)), 0, undefined)
    slabs.dropFirst(300)
    slabs.seal()
    expect(Buffer.compare(view!, filled(200, 1))).toBe(0)
  })

  it('take hardly more memory than they are, once none come any more', () => {
    const batches = fc.array(aSize, { minLength: 1, maxLength: 40 })
    fc.assert(
      fc.property(batches, fc.nat(1 << 20), (sizes, expected) => {
        const slabs = appended(sizes, expected)
        slabs.seal()
        expect(memoryOf(slabs)).toBeLessThanOrEqual(1.125 * slabs.size)
      }),
    )
  })

  it('that were forgotten take no memory', () => {
    const slabs = appended(Array(10).fill(60_000))
    slabs.dropFirst(9 * 60_000)
    expect(memoryOf(slabs)).toBe(60_000)
  })

  it('of a large batch stay in the memory in which it came', () => {
    const slabs = new Slabs(0)
    const [small, large] = [filled(100, 1), filled(copied, 2)]
    slabs.append(batchOf(small), 0, undefined)
    slabs.append(batchOf(large), 0, undefined)
    expect(slabs.views(0, slabs.size)[1]!.buffer).toBe(large.buffer)
  })

  it('of batches of one size leave nothing over in a slab', () => {
    const slabs = appended(Array(32).fill(7_000))
    const [, ...full] = slabs.views(0, slabs.size).slice(0, -1)
    expect(full.length).toBeGreaterThan(2)
    for (const { buffer, length } of full) expect(buffer.byteLength).toBe(length)
  })

  it.each([
    [1000, 1001],
    [100, 2000],
    [40_000, 100],
  ])('of batches of %d and %d bytes by turns lie in few slabs', (...turns) => {
    const slabs = appended(Array.from({ length: 300 }, (_, i) => turns[i % 2]!))
    expect(slabs.views(0, slabs.size).length).toBeLessThan(10 + slabs.size / 100_000)
  })
})
