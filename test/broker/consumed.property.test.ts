import { expect, it, vi } from 'vitest'
import { ConsumerGroup } from '../../src/group/consumer-group.ts'
import { fc } from '../helpers/fast-check.ts'
import { testBroker } from '../helpers/test-broker.ts'

const partitions = 2
const groupIds = ['a', 'b', 'c', 'd', 'e']
const groupId = fc.constantFrom(...groupIds)
const partition = fc.nat(partitions - 1)

const step = fc.oneof(
  { weight: 4, arbitrary: fc.record({ append: partition, records: fc.integer({ min: 1, max: 3 }) }) },
  { weight: 8, arbitrary: fc.record({ commit: groupId, partition, to: fc.nat(4) }) },
  { weight: 1, arbitrary: fc.record({ make: groupId }) },
  { weight: 1, arbitrary: fc.record({ remove: groupId }) },
  { weight: 1, arbitrary: fc.constant({ remake: true }) },
)

it("a 'consumed' topic begins where the slowest of its groups is, whichever come, go back and go", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 20, maxLength: 100 }), async steps => {
      const { broker } = testBroker()
      const create = () => broker.createTopic('jobs', { partitions, cleanupPolicy: 'consumed' })
      let log = create()
      const made = new Set<string>()
      // Those that read this topic: with it they are gone, until they commit in the new one.
      const read = new Map<string, number[]>()
      let start = [0, 0]
      const append = (index: number, records: number) => {
        for (let i = 0; i < records; i++) log.append({ value: i, partition: index })
      }
      for (const what of steps) {
        if ('append' in what) append(what.append, what.records)
        else if ('make' in what) {
          if (made.has(what.make)) continue
          broker.createGroup(what.make, { topics: ['jobs'] })
          made.add(what.make)
          read.set(what.make, [0, 0])
        } else if ('remove' in what) {
          if (made.delete(what.remove)) broker.deleteGroup(what.remove)
          read.delete(what.remove)
        } else if ('remake' in what) {
          broker.deleteTopic('jobs')
          log = create()
          start = [0, 0]
          read.clear()
        } else {
          if (!made.has(what.commit)) continue
          const at = read.get(what.commit) ?? [0, 0]
          read.set(what.commit, at)
          // Around the beginning, to which all but the slowest may go back.
          const { logStartOffset, highWatermark } = log.partitions[what.partition]!
          const offset = Math.min(highWatermark, Math.max(0, logStartOffset - 1) + what.to)
          broker.group(what.commit).setOffsets([{ topic: 'jobs', partition: what.partition, offset }])
          at[what.partition] = offset
        }
        start = start.map((before, i) => {
          const slowest = Math.min(...[...read.values()].map(at => at[i]!))
          return slowest === Number.POSITIVE_INFINITY ? before : Math.max(before, slowest)
        })
        expect(log.partitions.map(({ logStartOffset }) => logStartOffset)).toEqual(start)
      }
    }),
  )
})

it('of many groups that read abreast, a commit asks a few', async () => {
  const { broker } = testBroker()
  const log = broker.createTopic('jobs', { cleanupPolicy: 'consumed' })
  const groups = Array.from({ length: 100 }, (_, i) => broker.createGroup(`g${i}`, { topics: ['jobs'] }))
  for (let i = 0; i < 10; i++) log.append({ value: i })
  const asked = vi.spyOn(ConsumerGroup.prototype, 'consumedBefore')
  for (let offset = 1; offset <= 10; offset++) {
    for (const group of groups) group.setOffsets([{ topic: 'jobs', partition: 0, offset }])
  }
  const perCommit = asked.mock.calls.length / 1000
  asked.mockRestore()
  expect(log.partitions[0]!.logStartOffset).toBe(10)
  expect(perCommit).toBeLessThan(6)
})
