import { expect, it } from 'vitest'
import { fill, range } from '../helpers/behaviours.ts'
import { testBroker } from '../helpers/test-broker.ts'

/** What three quick groups do, and when, beside a fourth one whose handlers take so long. */
async function quickGroupsBeside(slowMs: number | undefined) {
  const { broker, clock } = testBroker()
  broker.createTopic('orders', { partitions: 4 })
  const start = clock.monotonic()
  const steps: string[] = []
  for (const groupId of ['billing', 'shipping', 'mailing']) {
    const consumer = broker.consumer({ groupId, topics: ['orders'] })
    await consumer.run({
      eachRecord: async ({ partition, offset }) => {
        await broker.clock.sleep(1)
        steps.push(`${clock.monotonic() - start}: ${groupId} ${partition}@${offset}`)
      },
    })
  }
  let slow = 0
  if (slowMs !== undefined) {
    await broker.consumer({ groupId: 'slow', topics: ['orders'] }).run({
      eachRecord: async () => {
        await broker.clock.sleep(slowMs)
        slow++
      },
    })
  }
  for (const wave of range(0, 10)) {
    for (const partition of range(0, 4)) fill(broker, 'orders', 5, partition)
    await clock.advance(10 + wave)
  }
  await clock.advance(500)
  return { steps, slow, lag: slowMs === undefined ? 0 : broker.group('slow').lag() }
}

it('costs the others nothing when one group is a thousand times slower', async () => {
  const alone = await quickGroupsBeside(undefined)
  const beside = await quickGroupsBeside(1000)
  expect(alone.steps).toHaveLength(3 * 200)
  // The same records at the same times, in the same order.
  expect(beside.steps).toEqual(alone.steps)
  expect(beside.slow).toBe(0)
  expect(beside.lag).toBe(199)
})

it('holds no more of the records that a slow group has not read than it can handle', async () => {
  const { broker, clock } = testBroker()
  broker.createTopic('orders')
  fill(broker, 'orders', 5000)
  const consumer = broker.consumer({ groupId: 'slow', topics: ['orders'] })
  await consumer.run({ concurrency: 8, ordering: 'key', eachRecord: () => broker.clock.sleep(1000) })
  await clock.settle()
  expect(consumer.position({ topic: 'orders', partition: 0 })).toBe(8)
  expect(consumer.lag()).toBe(5000)
})
