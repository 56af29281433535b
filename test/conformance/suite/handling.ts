import { expect } from 'vitest'
import { numbers, readAll, sendNumbers, until, values } from '../collect.ts'
import type { Area } from '../suite.ts'

export const handling: Area = ({ test, scene }) => {
  test('tries a failed record again before it goes on', async () => {
    const { place, topic, group } = await scene()
    await sendNumbers(place, topic, 3)
    const attempts: unknown[] = []
    await place.consumer({ groupId: group, topics: [topic] }).run({
      retry: { attempts: 3, delayMs: 10 },
      eachRecord: ({ value }, { attempt }) => {
        attempts.push([value, attempt])
        if (value === 1 && attempt < 3) throw new Error('not yet')
      },
    })
    await until(() =>
      expect(attempts).toEqual([
        [0, 1],
        [1, 1],
        [1, 2],
        [1, 3],
        [2, 1],
      ]),
    )
  })

  test('buries what fails for good, and sends it back when asked', async () => {
    const { place, topic, group } = await scene()
    const dead = `${topic}-dead`
    await place.admin.createTopic(dead)
    await sendNumbers(place, topic, 3)
    const seen: unknown[] = []
    let broken = true
    const consumer = place.consumer({ groupId: group, topics: [topic] })
    await consumer.run({
      retry: { attempts: 1 },
      onFailure: { deadLetter: dead },
      eachRecord: ({ value }) => {
        if (value === 1 && broken) throw new Error('broken')
        seen.push(value)
      },
    })
    await until(() => expect(seen).toEqual([0, 2]))
    await until(async () => expect(await readAll(place, dead)).toMatchObject([{ value: 1 }]))
    broken = false
    expect(await place.redrive({ from: dead })).toBe(1)
    await until(() => expect(seen).toEqual([0, 2, 1]))
  })

  test('does not read what it buries, also where its pattern picks that up', async () => {
    const { place, topic, group } = await scene()
    const dead = `${topic}-dead`
    await place.admin.createTopic(dead)
    const consumer = place.consumer({ groupId: group, topics: new RegExp(`^${topic}`) })
    await consumer.run({
      retry: { attempts: 1 },
      onFailure: { deadLetter: dead },
      eachRecord: () => Promise.reject(new Error('broken')),
    })
    await until(() => expect(consumer.assignment).toEqual([{ topic, partition: 0 }]))
    await sendNumbers(place, topic, 2)
    await until(async () => expect(values(await readAll(place, dead))).toEqual([0, 1]))
    expect(consumer.assignment).toEqual([{ topic, partition: 0 }])
  })

  test('stops at a failure where it is to, and the next one goes on from there', async () => {
    const { place, topic, group } = await scene()
    await sendNumbers(place, topic, 4)
    const first = place.consumer({ groupId: group, topics: [topic] })
    first.on('crashed', () => {})
    await first.run({
      retry: { attempts: 1 },
      onFailure: 'stop',
      eachRecord: ({ value }) => {
        if (value === 2) throw new Error('broken')
      },
    })
    await expect(first.done).rejects.toMatchObject({ code: 'CONSUMER_CRASHED', offset: 2 })
    const seen: unknown[] = []
    await place
      .consumer({ groupId: group, topics: [topic] })
      .run({ eachRecord: ({ value }) => seen.push(value) })
    await until(() => expect(seen).toEqual([2, 3]))
  })

  test('handles keys side by side, and each in its order', async () => {
    const { place, topic, group } = await scene({ partitions: 2 })
    await sendNumbers(place, topic, 200, n => ({ key: `k${n % 10}` }))
    const byKey = new Map<unknown, unknown[]>()
    const consumer = place.consumer({ groupId: group, topics: [topic] })
    await consumer.run({
      concurrency: 8,
      ordering: 'key',
      eachRecord: async ({ key, value }) => {
        await Promise.resolve()
        byKey.set(key, [...(byKey.get(key) ?? []), value])
      },
    })
    await consumer.caughtUp({ timeoutMs: 10_000 })
    for (const [key, seen] of byKey) {
      expect(seen).toEqual(numbers(20).map(n => n * 10 + Number(String(key).slice(1))))
    }
    expect(byKey.size).toBe(10)
  })

  test('hands out batches, of which what failed comes again', async () => {
    const { place, topic, group } = await scene()
    await sendNumbers(place, topic, 25)
    const sizes: number[] = []
    const consumer = place.consumer({ groupId: group, topics: [topic] })
    await consumer.run({
      batch: { maxRecords: 10 },
      retry: { attempts: 2, delayMs: 10 },
      eachBatch: ({ records }, { attempt }) => {
        sizes.push(records.length)
        if (records[0]!.value === 10 && attempt === 1) throw new Error('not yet')
      },
    })
    await consumer.caughtUp({ timeoutMs: 10_000 })
    expect(sizes).toEqual([10, 10, 10, 5])
  })
}
