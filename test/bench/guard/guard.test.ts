import { expect, it } from 'vitest'
import { timed } from '../measure.ts'
import { readBaseline } from './baseline.ts'
import { lossesOf } from './losses.ts'
import { paths } from './paths.ts'
import { countDeoptimisations } from './sample.ts'

it.each(paths.map(path => [path.name, path] as const))(
  'the path %s runs, and so does its yardstick',
  async (_, path) => {
    const { work, yardstick } = await path.start()
    expect(await timed(work, 200)).toBeGreaterThan(0)
    expect(await timed(yardstick, 200)).toBeGreaterThan(0)
  },
)

it('has a baseline for every path, and for no other', () => {
  expect(Object.keys(readBaseline().paths)).toEqual(paths.map(({ name }) => name))
})

it('says what is worse than its baseline beyond noise, and nothing else', () => {
  const baseline = { bytes: 400, deoptimisations: 0, ratio: 10 }
  expect(lossesOf({ bytes: 420, deoptimisations: 2, ratio: 19.9 }, baseline)).toEqual([])
  expect(lossesOf({ bytes: 200, deoptimisations: 0, ratio: 2 }, baseline)).toEqual([])
  expect(lossesOf({ bytes: 424.5, deoptimisations: 3, ratio: 20.1 }, baseline)).toEqual([
    'bytes: 425, and the baseline is 400',
    'deoptimisations: 3.00, and the baseline is 0',
    'ratio: 20.1, and the baseline is 10.0',
  ])
})

it('counts the deoptimisations after the warm-up', () => {
  const line =
    '[bailout (kind: deopt-eager, reason: wrong map): begin. deoptimizing 0x1 <JSFunction f>, opt id 1]\n'
  expect(countDeoptimisations(`${line}${line}measuring\n${line}[bailout end. took 0.1 ms]\n`)).toBe(1)
  expect(() => countDeoptimisations(line)).toThrow('its warm-up')
})
