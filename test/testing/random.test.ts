import { Random, VirtualClock } from 'brokerlet/testing'
import { expect, it } from 'vitest'
import { rejectionOf, thrownBy } from '../helpers/errors.ts'

it('chooses from a list, and refuses anything else', () => {
  const random = new Random(1)
  expect(['ada', 'bob']).toContain(random.pick(['ada', 'bob']))
  expect(random.weighted([{ weight: 0 }, { weight: 1, name: 'bob' }])).toMatchObject({ name: 'bob' })
  expect(random.some([1, 2], 1)).toEqual([1, 2])
  for (const wrong of [undefined, null, {}, 'ada'] as never[]) {
    for (const call of [
      () => random.pick(wrong),
      () => random.weighted(wrong),
      () => random.some(wrong, 0.5),
    ]) {
      expect(thrownBy(call)).toMatchObject({ name: 'InvalidArgumentError', field: 'choices' })
    }
  }
  expect(thrownBy(() => random.weighted([null] as never))).toMatchObject({
    message: 'weighted: expected an array of objects with a weight, received an array of 1',
  })
  expect(thrownBy(() => new Random('ada' as never))).toMatchObject({ field: 'seed' })
})

it('draws whole numbers between two, both included, and chances', () => {
  const random = new Random(1)
  const drawn = Array.from({ length: 200 }, () => random.integer(2, 4))
  expect([...new Set(drawn)].sort()).toEqual([2, 3, 4])
  expect(random.integer(-1, -1)).toBe(-1)
  const chances = Array.from({ length: 200 }, () => random.chance(0.25))
  expect(chances.filter(chance => chance).length).toBeGreaterThan(30)
  expect(chances.filter(chance => chance).length).toBeLessThan(70)
  expect([random.chance(0), random.chance(1)]).toEqual([false, true])
})

it('chooses as often as the weights say, and nothing without any', () => {
  const random = new Random(1)
  const choices = [{ weight: 1 }, { weight: 0 }, { weight: 3 }]
  const drawn = Array.from({ length: 400 }, () => random.weighted(choices)!.weight)
  expect(drawn.filter(weight => weight === 1).length).toBeGreaterThan(70)
  expect(drawn.filter(weight => weight === 1).length).toBeLessThan(130)
  expect(drawn).not.toContain(0)
  expect(random.weighted([{ weight: 0 }])).toBeUndefined()
})

it('time that stands still is moved by milliseconds', async () => {
  const clock = new VirtualClock()
  for (const wrong of [undefined, -1, '5', Number.NaN, Number.POSITIVE_INFINITY] as never[]) {
    expect(await rejectionOf(clock.advance(wrong))).toMatchObject({
      name: 'InvalidArgumentError',
      message: expect.stringContaining('advance: expected a finite number of milliseconds'),
    })
  }
  expect(clock.monotonic()).toBe(0)
})
