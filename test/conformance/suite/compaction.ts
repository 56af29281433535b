import { expect } from 'vitest'
import { readAll, until } from '../collect.ts'
import type { Area } from '../suite.ts'

export const compaction: Area = ({ test, scene }) => {
  test('reads the newest of each key, at the offsets that they had', async () => {
    const { place, topic, group } = await scene({
      cleanupPolicy: 'compact',
      segmentMs: 100,
      minCleanableDirtyRatio: 0.01,
    })
    const producer = place.producer()
    for (const [n, key] of ['a', 'b', 'a', 'c', 'b', 'a'].entries())
      await producer.send({ topic, key, value: n })
    const compacted = ['3 c 3', '4 b 4', '5 a 5']
    const read = async () =>
      (await readAll(place, topic))
        .filter(({ key }) => key !== 'tick')
        .map(({ offset, key, value }) => `${offset} ${key} ${value}`)
    await until(async () => {
      // A segment is closed by what comes after it.
      await producer.send({ topic, key: 'tick', value: 0 })
      expect(await read()).toEqual(compacted)
    })
    const consumer = place.consumer({ groupId: group, topics: [topic] })
    await consumer.run({ eachRecord: () => {} })
    await consumer.caughtUp({ timeoutMs: 10_000 })
    expect(consumer.lag()).toBe(0)
  })

  test('refuses a record without a key', async () => {
    const { place, topic } = await scene({ cleanupPolicy: 'compact' })
    await expect(place.producer().send({ topic, value: 1 })).rejects.toMatchObject({ code: 'INVALID_RECORD' })
  })
}
