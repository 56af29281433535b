import { expect, it } from 'vitest'
import { Frames } from '../../src/server/frames.ts'
import { collect } from '../helpers/collect.ts'
import { framed } from '../helpers/wire-client.ts'

function scene(maxBytes = 2 ** 30) {
  const frames = new Frames(() => maxBytes)
  const all = () => {
    const taken: Buffer[] = []
    for (let frame = frames.next(); frame !== undefined; frame = frames.next()) taken.push(frame)
    return taken
  }
  return { frames, all }
}

it.each([1, 2, 3, 5, 7, 4096, 5000, 100_000])('cuts the same frames of pieces of %i bytes', size => {
  const bodies = [0, 1, 4, 5000, 0, 70_000, 3].map((length, i) => Buffer.alloc(length, i))
  const bytes = Buffer.concat(bodies.map(framed))
  const { frames, all } = scene()
  const taken: Buffer[] = []
  for (let at = 0; at < bytes.length; at += size) {
    frames.push(bytes.subarray(at, at + size))
    taken.push(...all())
  }
  expect(taken.map(each => each.length)).toEqual(bodies.map(each => each.length))
  expect(Buffer.concat(taken.map(framed)).equals(bytes)).toBe(true)
  expect(frames.size).toBe(0)
})

it('cuts many frames of many pieces that came before one was asked for', () => {
  const bodies = Array.from({ length: 100 }, (_, i) => Buffer.alloc(100 * i, i))
  const bytes = Buffer.concat(bodies.map(framed))
  const { frames, all } = scene()
  for (let at = 0; at < bytes.length; at += 3000) frames.push(bytes.subarray(at, at + 3000))
  expect(frames.size).toBe(bytes.length)
  expect(Buffer.concat(all().map(framed)).equals(bytes)).toBe(true)
})

// A buffer of its own for each of them takes 23 MB; what the collector leaves for later, on Node 26, is 3.
it('takes little more memory than what has come, also where that is byte by byte', () => {
  const { frames } = scene()
  frames.push(Buffer.from([0, 16, 0, 0]))
  const used = () => {
    // What the first one finds is given back with the second one.
    collect()
    collect()
    const { heapUsed, external } = process.memoryUsage()
    return heapUsed + external
  }
  const before = used()
  for (let i = 0; i < 200_000; i++) frames.push(Buffer.from([i]))
  expect(frames.size).toBe(200_004)
  expect(used() - before).toBeLessThan(10_000_000)
})

it('keeps nothing of a large frame for what came after it', () => {
  const { frames } = scene()
  const bytes = Buffer.concat([framed(Buffer.alloc(1_000_000)), Buffer.from([0])])
  for (let at = 0; at < bytes.length; at += 65_536) frames.push(Buffer.from(bytes.subarray(at, at + 65_536)))
  const frame = frames.next()!
  expect(frame.length).toBe(1_000_000)
  expect(frame.buffer.byteLength).toBeLessThan(1_000_100)
})
