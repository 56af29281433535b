import { expect, it } from 'vitest'
import { drawSchedule } from '../../src/testing/schedule.ts'
import { shrink } from '../../src/testing/shrink.ts'

const hundred = Array.from({ length: 100 }, (_, i) => i)

it('leaves what is needed, and nothing else', async () => {
  const needed = [3, 42, 43, 97]
  const fails = async (items: readonly number[]) => needed.every(each => items.includes(each))
  expect(await shrink(hundred, fails, 1000)).toEqual(needed)
})

it('leaves nothing where it fails by itself', async () => {
  expect(await shrink(hundred, async () => true, 1000)).toEqual([])
  expect(await shrink([], async () => true, 1000)).toEqual([])
})

it('gives up an item that became superfluous with another one', async () => {
  // Of two that both do, one is enough; the first attempt at each comes too early.
  const fails = async (items: readonly number[]) =>
    items.includes(99) || (items.length > 50 && items.includes(0))
  expect(await shrink(hundred, fails, 1000)).toEqual([99])
})

it('makes no more attempts than it may', async () => {
  let attempts = 0
  const fails = async (items: readonly number[]) => {
    attempts++
    return items.includes(50)
  }
  const left = await shrink(hundred, fails, 5)
  expect(attempts).toBe(5)
  expect(left).toContain(50)
})

it('draws a longer schedule that begins like the shorter one of its seed', () => {
  const names = { actions: ['a', 'b'], services: ['x', 'y', 'z'] }
  const short = drawSchedule(7, 20, {}, names)
  expect(drawSchedule(7, 50, {}, names).slice(0, 20)).toEqual(short)
  expect(drawSchedule(8, 20, {}, names)).not.toEqual(short)
})

it('draws no kind of step that has no weight', () => {
  const names = { actions: ['a'], services: ['x'] }
  const only = { start: 0, stop: 0, crash: 0, fail: 0, delay: 0, redeliver: 0, turn: 0, time: 0 }
  expect(new Set(drawSchedule(1, 200, only, names).map(({ kind }) => kind))).toEqual(new Set(['act']))
})
