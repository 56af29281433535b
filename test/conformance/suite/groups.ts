import { expect } from 'vitest'
import { gate } from '../../helpers/behaviours.ts'
import { numbers, sendNumbers, until, values } from '../collect.ts'
import type { Area } from '../suite.ts'

export const groups: Area = ({ test, scene }) => {
  test('shares the partitions of a topic among its members, and reads every record once', async () => {
    const { place, topic, group, another } = await scene({ partitions: 4 })
    await sendNumbers(place, topic, 40, n => ({ partition: n % 4 }))
    const seen: unknown[] = []
    const eachRecord = ({ value }: { readonly value: unknown }) => seen.push(value)
    const [a, b] = [place, await another()].map(at => at.consumer({ groupId: group, topics: [topic] }))
    await a!.run({ eachRecord })
    await b!.run({ eachRecord })
    await until(() => {
      expect(a!.assignment).toHaveLength(2)
      expect(b!.assignment).toHaveLength(2)
    })
    await sendNumbers(place, topic, 40, n => ({ partition: n % 4, value: 40 + n }))
    await until(() => expect(seen).toHaveLength(80))
    expect([...seen].sort((x, y) => Number(x) - Number(y))).toEqual(numbers(80))
  })

  test('gives the partitions of a member that leaves to the others', async () => {
    const { place, topic, group } = await scene({ partitions: 2 })
    const a = place.consumer({ groupId: group, topics: [topic] })
    const b = place.consumer({ groupId: group, topics: [topic] })
    await a.run({ eachRecord: () => {} })
    await b.run({ eachRecord: () => {} })
    await until(() => expect(b.assignment).toHaveLength(1))
    await a.close()
    await until(() => expect(b.assignment).toHaveLength(2))
  })

  test('goes on where its group has committed', async () => {
    const { place, topic, group } = await scene()
    await sendNumbers(place, topic, 10)
    const tp = { topic, partition: 0 }
    const first = place.consumer({ groupId: group, topics: [topic], autoCommit: false })
    await first.poll({ timeoutMs: 5000 })
    await first.commit([{ ...tp, offset: 6, metadata: 'half way' }])
    expect(await first.committed(tp)).toEqual({ offset: 6, metadata: 'half way' })
    await first.close()
    const second = place.consumer({ groupId: group, topics: [topic] })
    const seen: unknown[] = []
    while (seen.length < 4) seen.push(...values(await second.poll({ timeoutMs: 5000 })))
    expect(seen).toEqual([6, 7, 8, 9])
  })

  test('commits what is finished, by itself and when it closes', async () => {
    const { place, topic, group } = await scene()
    await sendNumbers(place, topic, 10)
    const consumer = place.consumer({ groupId: group, topics: [topic] })
    await consumer.run({ eachRecord: () => {} })
    await until(async () => {
      expect(await place.admin.listGroupOffsets(group)).toEqual([{ topic, partition: 0, offset: 10 }])
    })
    await sendNumbers(place, topic, 5)
    await consumer.caughtUp({ timeoutMs: 10_000 })
    expect(await consumer.close()).toEqual([])
    expect(await place.admin.listGroupOffsets(group)).toEqual([{ topic, partition: 0, offset: 15 }])
  })

  test('leaves the record in hand undone where its loop is left', async () => {
    const { place, topic, group } = await scene()
    await sendNumbers(place, topic, 5)
    for await (const { value } of place.consumer({ groupId: group, topics: [topic] })) if (value === 3) break
    expect(await place.admin.listGroupOffsets(group)).toEqual([{ topic, partition: 0, offset: 3 }])
  })

  test('begins at the end where nothing is committed and its policy is latest', async () => {
    const { place, topic, group } = await scene()
    await sendNumbers(place, topic, 5)
    const consumer = place.consumer({ groupId: group, topics: [topic], autoOffsetReset: 'latest' })
    const seen: unknown[] = []
    await consumer.run({ eachRecord: ({ value }) => seen.push(value) })
    await place.producer().send({ topic, value: 'new' })
    await until(() => expect(seen).toEqual(['new']))
  })

  test('does not begin where nothing is committed and it has no policy', async () => {
    const { place, topic, group } = await scene()
    const consumer = place.consumer({ groupId: group, topics: [topic], autoOffsetReset: 'none' })
    consumer.on('crashed', () => {})
    await expect(consumer.ready()).rejects.toMatchObject({ code: 'NO_OFFSET_FOR_PARTITION' })
  })

  test('refuses a topic that does not exist', async () => {
    const { place, topic, group } = await scene()
    const consumer = place.consumer({ groupId: group, topics: [`${topic}x`] })
    await expect(consumer.ready()).rejects.toMatchObject({ code: 'UNKNOWN_TOPIC_OR_PARTITION' })
  })

  test('waits for the handler and its commit before another member gets the partition', async () => {
    const { place, topic, group, another } = await scene({ partitions: 2 })
    await sendNumbers(place, topic, 2, n => ({ partition: n }))
    const log: string[] = []
    let finish = () => {}
    const holding = new Promise<void>(resolve => {
      finish = resolve
    })
    let held = 0
    const a = place.consumer({
      groupId: group,
      topics: [topic],
      onRevoked: partitions => log.push(...partitions.map(() => 'revoked')),
    })
    await a.run({
      concurrency: 2,
      eachRecord: async () => {
        held++
        await holding
        log.push('handled')
      },
    })
    await until(() => expect(held).toBe(2))
    const b = (await another()).consumer({
      groupId: group,
      topics: [topic],
      onAssigned: partitions => log.push(...partitions.map(() => 'assigned')),
    })
    // Long enough for several heartbeats: b is a member, and gets nothing.
    expect(await b.poll({ timeoutMs: 1000 })).toEqual([])
    expect((await place.admin.describeGroup(group)).members).toHaveLength(2)
    expect(log).toEqual([])
    finish()
    expect(await b.poll({ timeoutMs: 1000 })).toEqual([])
    await until(() => expect(b.assignment).toHaveLength(1))
    expect(log.indexOf('assigned')).toBeGreaterThan(log.indexOf('revoked'))
    expect(log.indexOf('revoked')).toBeGreaterThan(log.indexOf('handled'))
    await b.caughtUp({ timeoutMs: 10_000 })
  })

  test('refuses the commit of a consumer that took too long, and gives its records to another', async () => {
    const { place, topic, group, another } = await scene()
    await sendNumbers(place, topic, 3)
    const slow = place.consumer({
      groupId: group,
      topics: [topic],
      maxPollIntervalMs: 500,
      autoCommit: false,
    })
    slow.on('lost', () => {})
    expect(values(await slow.poll({ timeoutMs: 5000 }))).toEqual(numbers(3))
    const other = (await another()).consumer({ groupId: group, topics: [topic] })
    const seen: unknown[] = []
    await other.run({ eachRecord: ({ value }) => seen.push(value) })
    await until(() => expect(seen).toEqual(numbers(3)))
    await expect(slow.commit([{ topic, partition: 0, offset: 3 }])).rejects.toMatchObject({
      name: 'CommitFailedError',
    })
  })

  test('refuses a commit of a partition that is somebody else’s', async () => {
    const { place, topic, group } = await scene({ partitions: 2 })
    const a = place.consumer({ groupId: group, topics: [topic], autoCommit: false })
    const b = place.consumer({ groupId: group, topics: [topic], autoCommit: false })
    await a.run({ eachRecord: () => {} })
    await b.run({ eachRecord: () => {} })
    await until(() => {
      expect(a.assignment).toHaveLength(1)
      expect(b.assignment).toHaveLength(1)
    })
    await expect(b.commit([{ ...a.assignment[0]!, offset: 0 }])).rejects.toMatchObject({
      name: 'CommitFailedError',
    })
    expect(await place.admin.listGroupOffsets(group)).toEqual([])
  })

  test('gives what a crashed member had not committed to another', async () => {
    const { place, topic, group, another } = await scene()
    await sendNumbers(place, topic, 6)
    const tp = { topic, partition: 0 }
    const first = place.consumer({
      groupId: group,
      topics: [topic],
      autoCommit: false,
      sessionTimeoutMs: 1000,
    })
    await first.poll({ timeoutMs: 5000 })
    await first.commit([{ ...tp, offset: 2 }])
    first.on('crashed', () => {})
    first.vanish()
    const second = (await another()).consumer({ groupId: group, topics: [topic] })
    const seen: unknown[] = []
    await second.run({ eachRecord: ({ value }) => seen.push(value) })
    await until(() => expect(seen).toEqual([2, 3, 4, 5]))
  })

  test('keeps the partitions of a static member while it is away', async () => {
    const { place, topic, group } = await scene({ partitions: 2 })
    const options = { groupId: group, topics: [topic] }
    const a = place.consumer({ ...options, groupInstanceId: 'a' })
    const b = place.consumer({ ...options, groupInstanceId: 'b' })
    await a.run({ eachRecord: () => {} })
    await b.run({ eachRecord: () => {} })
    await until(() => {
      expect(a.assignment).toHaveLength(1)
      expect(b.assignment).toHaveLength(1)
    })
    const before = a.assignment
    await a.close()
    const again = place.consumer({ ...options, groupInstanceId: 'a' })
    await again.run({ eachRecord: () => {} })
    await until(() => expect(again.assignment).toEqual(before))
    expect(b.assignment).toHaveLength(1)
  })

  test('refuses a second live member of the same instance id', async () => {
    const { place, topic, group } = await scene()
    const options = { groupId: group, topics: [topic], groupInstanceId: 'a' }
    await place.consumer(options).ready()
    await expect(place.consumer(options).ready()).rejects.toMatchObject({ code: 'UNRELEASED_INSTANCE_ID' })
  })

  test('replaces what it reads', async () => {
    const { place, topic, group } = await scene()
    await place.admin.createTopic(`${topic}-other`)
    await sendNumbers(place, topic, 2)
    await place.producer().send({ topic: `${topic}-other`, value: 'other' })
    const consumer = place.consumer({ groupId: group, topics: [topic] })
    const seen: unknown[] = []
    await consumer.run({ eachRecord: ({ value }) => seen.push(value) })
    await until(() => expect(seen).toEqual([0, 1]))
    await consumer.subscribe([`${topic}-other`])
    await until(() => expect(seen).toEqual([0, 1, 'other']))
    expect(consumer.assignment).toEqual([{ topic: `${topic}-other`, partition: 0 }])
  })

  for (const [who, grouped] of [
    ['a member', true],
    ['a reader', false],
  ] as const) {
    test(`goes on with what it reads where a topic that ${who} asks for does not exist`, async () => {
      const { place, topic, group } = await scene()
      const consumer = place.consumer({
        topics: [topic] as string[],
        ...(grouped ? { groupId: group } : { from: 'beginning' }),
      })
      const seen: unknown[] = []
      await consumer.run({ eachRecord: ({ value }) => seen.push(value) })
      const refused = { code: 'UNKNOWN_TOPIC_OR_PARTITION', topic: `${topic}-none` }
      await expect(consumer.subscribe([`${topic}-none`])).rejects.toMatchObject(refused)
      await sendNumbers(place, topic, 2)
      await until(() => expect(seen).toEqual([0, 1]))
      await place.admin.addPartitions(topic, 2)
      await until(() => expect(consumer.assignment).toHaveLength(2))
    })

    test(`loses, and does not give up, what ${who} reads of a topic that is deleted`, async () => {
      const { place, topic, group } = await scene()
      await place.admin.createTopic(`${topic}-gone`)
      const told: string[] = []
      const consumer = place.consumer({
        topics: new RegExp(`^${topic}`),
        onRevoked: partitions => void told.push(...partitions.map(tp => `revoked ${tp.topic}`)),
        onLost: partitions => void told.push(...partitions.map(tp => `lost ${tp.topic}`)),
        ...(grouped ? { groupId: group } : { from: 'beginning' }),
      })
      await consumer.run({ eachRecord: () => {} })
      await until(() => expect(consumer.assignment).toHaveLength(2))
      await place.admin.deleteTopic(`${topic}-gone`)
      await until(() => expect(consumer.assignment).toEqual([{ topic, partition: 0 }]))
      expect(told).toEqual([`lost ${topic}-gone`])
    })

    test(`gives ${who} topics that are made later where its pattern picks them up`, async () => {
      const { place, topic, group, another } = await scene()
      const consumer = place.consumer({
        topics: new RegExp(`^${topic}`),
        ...(grouped ? { groupId: group } : { from: 'beginning' }),
      })
      const seen: unknown[] = []
      await consumer.run({ eachRecord: record => seen.push(record.topic) })
      const elsewhere = await another()
      await elsewhere.admin.createTopic(`${topic}-later`)
      await elsewhere.producer().send({ topic: `${topic}-later`, value: 1 })
      await until(() => expect(seen).toEqual([`${topic}-later`]))
    })
  }

  test('is ready with nothing where the others have everything', async () => {
    const { place, topic, group } = await scene()
    const first = place.consumer({ groupId: group, topics: [topic] })
    await first.ready()
    const second = place.consumer({ groupId: group, topics: [topic] })
    await second.ready()
    expect([first.assignment.length, second.assignment.length]).toEqual([1, 0])
  })

  test('gives a partition to another where its owner does not give it up in time', async () => {
    const { place, topic, group } = await scene({ partitions: 2 })
    await sendNumbers(place, topic, 2, partition => ({ partition }))
    const { opened: stuck, open: free } = gate()
    const options = { groupId: group, topics: [topic], rebalanceTimeoutMs: 500 }
    const slow = place.consumer(options)
    const lost = new Promise(resolve => slow.on('lost', resolve))
    await slow.run({ concurrency: 2, eachRecord: () => stuck })
    await until(() => expect(slow.assignment).toHaveLength(2))
    const other = place.consumer(options)
    const seen: unknown[] = []
    await other.run({ eachRecord: ({ value }) => seen.push(value) })
    await until(() => expect([...seen].sort()).toEqual([0, 1]))
    await lost
    free()
  })

  test('hands out nothing more of what a loop has replaced', async () => {
    const { place, topic, group } = await scene()
    await place.admin.createTopic(`${topic}-other`)
    await sendNumbers(place, topic, 3)
    await place.producer().send({ topic: `${topic}-other`, value: 'other' })
    const consumer = place.consumer({ groupId: group, topics: [topic] })
    const seen: unknown[] = []
    for await (const { value } of consumer) {
      seen.push(value)
      if (value === 'other') break
      void consumer.subscribe([`${topic}-other`])
    }
    expect(seen).toEqual([0, 'other'])
    expect(await place.admin.listGroupOffsets(group)).toContainEqual({ topic, partition: 0, offset: 1 })
  })

  test('reads a topic that was deleted and made anew from its beginning', async () => {
    const { place, topic, group } = await scene({ partitions: 2 })
    await sendNumbers(place, topic, 10, n => ({ partition: n % 2 }))
    const seen: unknown[] = []
    const consumer = place.consumer({ groupId: group, topics: [topic] })
    // What was finished of the former one can no longer be committed.
    consumer.on('error', () => {})
    await consumer.run({ eachRecord: ({ value }) => seen.push(value) })
    await until(() => expect(seen).toHaveLength(10))
    // A commit names its topic: one that is still to come would count for the new one, as with Kafka's own client.
    await consumer.commit()
    await place.admin.deleteTopic(topic)
    await place.admin.createTopic(topic, { partitions: 3 })
    await sendNumbers(place, topic, 60, n => ({ partition: n % 3, value: 100 + n }))
    await until(() => expect(seen).toHaveLength(70))
    expect(new Set(seen.slice(10))).toEqual(new Set(numbers(60, 100)))
  })

  test('reads the partitions that its topic grows by', async () => {
    const { place, topic, group } = await scene()
    const consumer = place.consumer({ groupId: group, topics: [topic] })
    await consumer.run({ eachRecord: () => {} })
    await place.admin.addPartitions(topic, 3)
    await until(() => expect(consumer.assignment).toHaveLength(3))
  })

  test('has nothing to commit to without a group', async () => {
    const { place, topic } = await scene()
    const reader = place.consumer({ topics: [topic], from: 'beginning' })
    await reader.ready()
    const tp = { topic, partition: 0 }
    await expect(reader.commit([{ ...tp, offset: 0 }])).rejects.toMatchObject({ code: 'ILLEGAL_STATE' })
    expect(await reader.committed(tp)).toBeNull()
  })

  test('commits for a group without being a member, where partitions are given', async () => {
    const { place, topic, group } = await scene()
    await sendNumbers(place, topic, 4)
    const consumer = place.consumer({ groupId: group, assign: [{ topic, partition: 0 }], autoCommit: false })
    await consumer.poll({ timeoutMs: 5000 })
    await consumer.commit()
    expect(await consumer.committed({ topic, partition: 0 })).toEqual({ offset: 4 })
    await place.consumer({ groupId: group, topics: [topic] }).ready()
    const refused = { name: 'CommitFailedError', code: 'UNKNOWN_MEMBER_ID', groupId: group }
    await expect(consumer.commit([{ topic, partition: 0, offset: 1 }])).rejects.toMatchObject(refused)
  })
}
