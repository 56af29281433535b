import { expect } from 'vitest'
import { numbers, readAll, sendNumbers, until, values } from '../collect.ts'
import { unique } from '../engine-under-test.ts'
import type { Area } from '../suite.ts'

export const transactions: Area = ({ test, scene }) => {
  test('shows what is committed, and nothing of what is aborted', async () => {
    const { place, topic } = await scene({ partitions: 2 })
    const producer = place.producer({ transactionalId: unique('tx') })
    await producer.transaction(async tx => {
      await tx.send({ topic, partition: 0, value: 'a' })
      await tx.send({ topic, partition: 1, value: 'b' })
    })
    const aborted = producer.transaction(async tx => {
      await tx.sendBatch([
        { topic, partition: 0, value: 'not' },
        { topic, partition: 1, value: 'nor' },
      ])
      throw new Error('changed my mind')
    })
    await expect(aborted).rejects.toThrow('changed my mind')
    await producer.transaction(tx => tx.send({ topic, partition: 0, value: 'c' }))
    expect(values(await readAll(place, topic))).toEqual(['a', 'c', 'b'])
    const all = await readAll(place, topic, { isolationLevel: 'read_uncommitted' })
    expect(values(all).sort()).toEqual(['a', 'b', 'c', 'nor', 'not'])
  })

  test('shows what is committed as soon as it is', async () => {
    const { place, topic } = await scene({ partitions: 3 })
    const producer = place.producer({ transactionalId: unique('tx') })
    for (let value = 0; value < 20; value++) {
      await producer.transaction(tx =>
        tx.sendBatch([0, 1, 2].map(partition => ({ topic, partition, value }))),
      )
      const { partitions } = await place.admin.describeTopic(topic)
      for (const { lastStableOffset, highWatermark } of partitions)
        expect(lastStableOffset).toBe(highWatermark)
    }
  })

  test('keeps what is open from readers of what is committed, and what comes after it', async () => {
    const { place, topic } = await scene()
    const producer = place.producer({ transactionalId: unique('tx') })
    const seen: unknown[] = []
    await place.consumer({ topics: [topic] }).run({ eachRecord: ({ value }) => seen.push(value) })
    await producer.transaction(async tx => {
      await tx.send({ topic, value: 'open' })
      await place.producer().send({ topic, value: 'after' })
      const all = await readAll(place, topic, { isolationLevel: 'read_uncommitted' })
      expect(values(all)).toEqual(['open', 'after'])
      expect(await readAll(place, topic)).toEqual([])
      expect(seen).toEqual([])
    })
    await until(() => expect(seen).toEqual(['open', 'after']))
  })

  test('commits offsets with what was written, or neither', async () => {
    const { place, topic, group } = await scene()
    const out = `${topic}-out`
    await place.admin.createTopic(out)
    await sendNumbers(place, topic, 4)
    const producer = place.producer({ transactionalId: unique('tx') })
    const consumer = place.consumer({ groupId: group, topics: [topic], autoCommit: false })
    const copy = async (count: number, fails: boolean) => {
      const records = await consumer.poll({ maxRecords: count, timeoutMs: 5000 })
      await producer.transaction(async tx => {
        for (const { value } of records) await tx.send({ topic: out, value })
        await tx.sendOffsets(consumer)
        if (fails) throw new Error('broken')
      })
      return records.length
    }
    let copied = 0
    while (copied < 2) copied += await copy(2 - copied, false)
    expect(await consumer.committed({ topic, partition: 0 })).toEqual({ offset: 2 })
    await expect(copy(2, true)).rejects.toThrow('broken')
    expect(await consumer.committed({ topic, partition: 0 })).toEqual({ offset: 2 })
    expect(values(await readAll(place, out))).toEqual([0, 1])
  })

  test('tells an administrator what is committed while offsets of a transaction are to come', async () => {
    const { place, topic, group, another } = await scene()
    await sendNumbers(place, topic, 2)
    const { admin } = await another()
    const producer = place.producer({ transactionalId: unique('tx'), transactionTimeoutMs: 5000 })
    const consumer = place.consumer({ groupId: group, topics: [topic], autoCommit: false })
    const copyOne = async (sent: () => unknown) => {
      let records = 0
      while (records === 0) records = (await consumer.poll({ maxRecords: 1, timeoutMs: 5000 })).length
      await producer.transaction(async tx => {
        await tx.sendOffsets(consumer)
        await sent()
      })
    }
    await copyOne(() => {})
    await copyOne(async () => {
      expect((await admin.describeGroup(group)).lag).toBe(1)
      expect(await admin.listGroupOffsets(group)).toEqual([{ topic, partition: 0, offset: 1 }])
    })
    expect(await admin.listGroupOffsets(group)).toEqual([{ topic, partition: 0, offset: 2 }])
  })

  test('reads, writes and commits exactly once in a handler', async () => {
    const { place, topic, group } = await scene({ partitions: 2 })
    const out = `${topic}-out`
    await place.admin.createTopic(out)
    await sendNumbers(place, topic, 20, n => ({ partition: n % 2 }))
    const producer = place.producer({ transactionalId: unique('tx') })
    const consumer = place.consumer({ groupId: group, topics: [topic], autoCommit: false })
    let failures = 3
    await consumer.run({
      retry: { attempts: 5, delayMs: 10 },
      eachRecord: (record, context) =>
        producer.transaction(async tx => {
          await tx.send({ topic: out, value: record.value })
          await tx.sendOffsets(context)
          if (Number(record.value) % 7 === 3 && failures-- > 0) throw new Error('not yet')
        }),
    })
    await consumer.caughtUp({ timeoutMs: 20_000 })
    const written = values(await readAll(place, out)).map(Number)
    expect(written.sort((a, b) => a - b)).toEqual(numbers(20))
  })

  test('fences a producer when another one comes with its id', async () => {
    const { place, topic, another } = await scene()
    const transactionalId = unique('tx')
    const old = place.producer({ transactionalId })
    await old.transaction(tx => tx.send({ topic, value: 'old' }))
    const fresh = (await another()).producer({ transactionalId })
    await fresh.transaction(tx => tx.send({ topic, value: 'fresh' }))
    const late = old.transaction(tx => tx.send({ topic, value: 'late' }))
    await expect(late).rejects.toMatchObject({ code: 'PRODUCER_FENCED' })
    expect(values(await readAll(place, topic))).toEqual(['old', 'fresh'])
  })

  test('aborts what a producer had open when another one comes with its id', async () => {
    const { place, topic, another } = await scene()
    const transactionalId = unique('tx')
    const second = await another()
    const open = place.producer({ transactionalId }).transaction(async tx => {
      await tx.send({ topic, value: 'open' })
      await second.producer({ transactionalId }).transaction(next => next.send({ topic, value: 'next' }))
    })
    await expect(open).rejects.toMatchObject({ code: 'PRODUCER_FENCED' })
    expect(values(await readAll(place, topic))).toEqual(['next'])
  })

  test('does not commit for a consumer that has lost the partition', async () => {
    const { place, topic, group, another } = await scene()
    const out = `${topic}-out`
    await place.admin.createTopic(out)
    await sendNumbers(place, topic, 2)
    const producer = place.producer({ transactionalId: unique('tx') })
    const slow = place.consumer({
      groupId: group,
      topics: [topic],
      maxPollIntervalMs: 500,
      autoCommit: false,
    })
    slow.on('lost', () => {})
    await slow.poll({ timeoutMs: 5000 })
    const other = (await another()).consumer({ groupId: group, topics: [topic] })
    const seen: unknown[] = []
    await other.run({ eachRecord: ({ value }) => seen.push(value) })
    await until(() => expect(seen).toEqual([0, 1]))
    const late = producer.transaction(async tx => {
      await tx.send({ topic: out, value: 'late' })
      await tx.sendOffsets(slow)
    })
    await expect(late).rejects.toMatchObject({ name: 'CommitFailedError' })
    expect(await readAll(place, out)).toEqual([])
  })

  test('keeps what took longer than it may out of the next transaction', async () => {
    const { place, topic } = await scene()
    const producer = place.producer({ transactionalId: unique('tx'), transactionTimeoutMs: 300 })
    let finish = () => {}
    const holding = new Promise<void>(resolve => {
      finish = resolve
    })
    const late = producer.transaction(async tx => {
      await tx.send({ topic, value: 'late' })
      await holding
      await tx.send({ topic, value: 'later' })
    })
    await producer.transaction(tx => tx.send({ topic, value: 'next' }))
    finish()
    await expect(late).rejects.toMatchObject({ name: 'TransactionAbortedError' })
    await producer.transaction(tx => tx.send({ topic, value: 'last' }))
    expect(values(await readAll(place, topic))).toEqual(['next', 'last'])
  })

  test('aborts what takes longer than it may', async () => {
    const { place, topic } = await scene()
    const producer = place.producer({ transactionalId: unique('tx'), transactionTimeoutMs: 1000 })
    const late = producer.transaction(async tx => {
      await tx.send({ topic, value: 'late' })
      // Until it is aborted: what comes after it is then no longer kept back.
      await until(async () => {
        const [end] = await place.admin.listOffsets([{ topic, partition: 0 }], 'end')
        expect(end!.offset).toBeGreaterThanOrEqual(1)
        expect((await place.admin.describeTopic(topic)).partitions[0]!.lastStableOffset).toBe(end!.offset)
      })
      await tx.send({ topic, value: 'later' })
    })
    await expect(late).rejects.toMatchObject({ code: 'TRANSACTION_ABORTABLE' })
    expect(await readAll(place, topic)).toEqual([])
  })
}
