import { expect, it } from 'vitest'
import { LowestFirst } from '../../../src/server/streams/lowest-first.ts'
import { fc } from '../../helpers/fast-check.ts'

it('finds the first of those with the lowest number that is wanted, while numbers grow', () => {
  const steps = fc.array(fc.record({ grows: fc.nat(), by: fc.nat(3), unwanted: fc.array(fc.nat(9)) }))
  fc.assert(
    fc.property(fc.array(fc.nat(5), { maxLength: 10 }), steps, (drawn, turns) => {
      const numbers = [...drawn]
      const values = numbers.map((_, place) => place)
      const lowest = new LowestFirst(values, place => numbers[place]!)
      for (const { grows, by, unwanted } of turns) {
        if (values.length > 0) numbers[grows % values.length]! += by
        const wanted = values.filter(place => !unwanted.includes(place))
        const least = Math.min(...wanted.map(place => numbers[place]!))
        expect(lowest.find(place => !unwanted.includes(place))).toBe(
          wanted.find(place => numbers[place] === least),
        )
        expect(lowest.find()).toBe(values.find(place => numbers[place] === Math.min(...numbers)))
      }
    }),
  )
})
