import { expect } from 'vitest'
import { numbers, readAll, sendNumbers, until, values } from '../collect.ts'
import type { Area } from '../suite.ts'

export const reading: Area = ({ test, scene }) => {
  test('reads from the beginning to the end as it is, and ends by itself', async () => {
    const { place, topic } = await scene({ partitions: 3 })
    await sendNumbers(place, topic, 30, n => ({ partition: n % 3 }))
    expect(values(await readAll(place, topic)).sort((a, b) => Number(a) - Number(b))).toEqual(numbers(30))
    expect(await readAll(place, topic, { from: 'end' })).toEqual([])
  })

  test('begins at the first record of a time', async () => {
    const { place, topic } = await scene()
    await sendNumbers(place, topic, 10, n => ({ timestamp: 1_700_000_000_000 + n * 1000 }))
    const from = { timestamp: 1_700_000_000_000 + 6500 }
    expect(values(await readAll(place, topic, { from }))).toEqual([7, 8, 9])
  })

  test('reads given partitions from given offsets', async () => {
    const { place, topic } = await scene({ partitions: 2 })
    await sendNumbers(place, topic, 20, n => ({ partition: n % 2 }))
    const consumer = place.consumer({ assign: [{ topic, partition: 1, offset: 7 }] })
    const seen: unknown[] = []
    while (seen.length < 3) seen.push(...values(await consumer.poll({ timeoutMs: 5000 })))
    expect(seen).toEqual([15, 17, 19])
    expect(consumer.position({ topic, partition: 1 })).toBe(10)
  })

  test('goes on from where it was sought', async () => {
    const { place, topic } = await scene()
    await sendNumbers(place, topic, 10)
    const consumer = place.consumer({ topics: [topic], from: 'beginning' })
    const tp = { topic, partition: 0 }
    const take = async (count: number) => {
      const seen: unknown[] = []
      while (seen.length < count)
        seen.push(...values(await consumer.poll({ maxRecords: count - seen.length, timeoutMs: 5000 })))
      return seen
    }
    expect(await take(10)).toEqual(numbers(10))
    consumer.seek(tp, 4)
    expect(await take(2)).toEqual([4, 5])
    consumer.seek(tp, 'beginning')
    await until(() => expect(consumer.position(tp)).toBe(0))
    expect(await take(1)).toEqual([0])
  })

  test('hands out nothing while it is paused, and goes on where it was', async () => {
    const { place, topic } = await scene()
    await sendNumbers(place, topic, 5)
    const consumer = place.consumer({ topics: [topic], from: 'beginning' })
    await consumer.ready()
    consumer.pause()
    expect(await consumer.poll({ timeoutMs: 300 })).toEqual([])
    expect(consumer.paused).toEqual([{ topic, partition: 0 }])
    consumer.resume()
    const seen: unknown[] = []
    while (seen.length < 5) seen.push(...values(await consumer.poll({ timeoutMs: 5000 })))
    expect(seen).toEqual(numbers(5))
  })

  test('reads batches of one partition each, and says what is left', async () => {
    const { place, topic } = await scene({ partitions: 2 })
    await sendNumbers(place, topic, 40, n => ({ partition: n % 2 }))
    const consumer = place.consumer({ topics: [topic], from: 'beginning', until: 'end', maxPollRecords: 8 })
    let seen = 0
    for await (const batch of consumer.batches()) {
      expect(batch.records.length).toBeLessThanOrEqual(8)
      expect(batch.records.every(({ partition }) => partition === batch.partition)).toBe(true)
      expect(batch.highWatermark).toBe(20)
      expect(batch.lag).toBe(20 - batch.nextOffset)
      seen += batch.records.length
    }
    expect(seen).toBe(40)
  })

  test('has caught up when it has read to the end as it was when asked', async () => {
    const { place, topic } = await scene()
    const consumer = place.consumer({ topics: [topic], from: 'beginning' })
    const table = new Map<unknown, unknown>()
    await consumer.run({ eachRecord: ({ key, value }) => table.set(key, value) })
    await sendNumbers(place, topic, 100, n => ({ key: `k${n}` }))
    await consumer.caughtUp({ timeoutMs: 10_000 })
    expect(table.size).toBe(100)
    expect(consumer.lag()).toBe(0)
  })

  for (const [policy, expected] of [
    ['earliest', numbers(4, 6)],
    ['latest', []],
  ] as const) {
    test(`begins at the ${policy} record where the one that it wants is gone`, async () => {
      const { place, topic } = await scene()
      await sendNumbers(place, topic, 10)
      await place.admin.deleteRecords([{ topic, partition: 0, offset: 6 }])
      const consumer = place.consumer({
        assign: [{ topic, partition: 0, offset: 2 }],
        autoOffsetReset: policy,
      })
      const resets: unknown[] = []
      consumer.on('offsetReset', event => resets.push(event))
      const seen: unknown[] = []
      await consumer.run({ eachRecord: ({ value }) => seen.push(value) })
      await until(() => expect(resets).toMatchObject([{ from: 2, to: policy === 'earliest' ? 6 : 10 }]))
      await consumer.caughtUp({ timeoutMs: 10_000 })
      expect(seen).toEqual(expected)
    })
  }

  test('ends with an error where the one that it wants is gone and it has no reset policy', async () => {
    const { place, topic } = await scene()
    await sendNumbers(place, topic, 3)
    const consumer = place.consumer({
      assign: [{ topic, partition: 0, offset: 99 }],
      autoOffsetReset: 'none',
    })
    consumer.on('crashed', () => {})
    await consumer.run({ eachRecord: () => {} })
    await expect(consumer.done).rejects.toMatchObject({ code: 'OFFSET_OUT_OF_RANGE' })
  })

  test('reads what another program writes while it waits', async () => {
    const { place, topic, another } = await scene()
    const consumer = place.consumer({ topics: [topic] })
    const seen: unknown[] = []
    await consumer.run({ eachRecord: ({ value }) => seen.push(value) })
    await sendNumbers(await another(), topic, 5)
    await until(() => expect(seen).toEqual(numbers(5)))
  })
}
