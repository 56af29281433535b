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
