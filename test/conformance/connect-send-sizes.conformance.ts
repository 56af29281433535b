import { describe, expect, it } from 'vitest'
import { RequestLog, WireFaults } from '../../src/server/index.ts'
import { numbers, readAll } from './collect.ts'
import { start } from './served-broker.ts'

/** A cluster to which 1,000 bytes may be on their way, and what holds the first of them back. */
async function withHeldSend() {
  const faults = new WireFaults()
  const { join } = await start({ faults })
  return { cluster: await join({ bufferMemory: 1000 }), held: faults.pauseNext({ api: 'Produce' }) }
}

describe('sending', () => {
  it('asks a broker for several requests where one would be too large', async () => {
    const requests = new RequestLog()
    const { broker, join } = await start({ requests })
    await broker.admin.addPartitions('orders', 3)
    const cluster = await join({ batchBytes: 5_000_000 })
    const text = 'x'.repeat(4_500_000)
    await cluster
      .producer()
      .sendBatch([0, 1, 2].map(partition => ({ topic: 'orders', partition, value: text })))
    expect(requests.of({ api: 'Produce' }).map(({ partitions }) => partitions.length)).toEqual([2, 1])
  })

  it('has no request that is larger than a broker would take', async () => {
    const requests = new RequestLog()
    const { join } = await start({ requests })
    const cluster = await join({ maxRequestBytes: 10_000 })
    const batch = [3000, 3000, 9000, 6000].map((size, n) => ({
      topic: 'orders',
      partition: n % 2,
      value: 'x'.repeat(size),
    }))
    await cluster.producer().sendBatch(batch)
    expect(requests.of({ api: 'Produce' }).map(({ partitions }) => partitions.length)).toEqual([2, 1, 1])
  })

  it('refuses at once a record that is larger than a request, and writes nothing that was sent with it', async () => {
    const requests = new RequestLog()
    const { join } = await start({ requests })
    const cluster = await join({ maxRequestBytes: 10_000 })
    const large = { topic: 'orders', partition: 0, value: 'x'.repeat(10_000) }
    const refused = {
      name: 'RecordTooLargeError',
      code: 'MESSAGE_TOO_LARGE',
      topic: 'orders',
      partition: 0,
      message:
        "Record for topic 'orders' has 10018 bytes, more than a request may have (maxRequestBytes, 10000)",
    }
    const producer = cluster.producer()
    await expect(producer.send(large)).rejects.toMatchObject(refused)
    await expect(producer.sendBatch([{ ...large, value: 'x' }, large])).rejects.toMatchObject(refused)
    await expect(
      producer.send({ ...large, value: 'x', headers: { large: large.value } }),
    ).rejects.toMatchObject({
      code: 'MESSAGE_TOO_LARGE',
    })
    expect(requests.of({ api: 'Produce' })).toEqual([])
    const transactional = cluster.producer({ transactionalId: 'tx' })
    await expect(transactional.transaction(tx => tx.send(large))).rejects.toMatchObject(refused)
    await producer.send({ ...large, value: 'x' })
  })

  it('splits a batch that is larger than its topic takes', async () => {
    const { join } = await start()
    const cluster = await join()
    await cluster.admin.createTopic('small', { maxMessageBytes: 2000 })
    const messages = numbers(100).map(value => ({ topic: 'small', value: { value, text: 'x'.repeat(90) } }))
    const metadata = await cluster.producer().sendBatch(messages)
    expect(metadata.map(({ offset }) => offset)).toEqual(numbers(100))
  })

  it('splits a batch of very many records', async () => {
    const { join } = await start()
    const cluster = await join({ batchBytes: 20_000_000 })
    await cluster.admin.createTopic('small', { maxMessageBytes: 1_000_000 })
    const count = 150_000
    const sent = cluster
      .producer()
      .sendBatch(Array.from({ length: count }, () => ({ topic: 'small', value: 1 })))
    expect((await sent).at(-1)).toMatchObject({ offset: count - 1 })
  })

  it('waits for room where too much is on its way, and no longer than it may', async () => {
    const { cluster, held } = await withHeldSend()
    const producer = cluster.producer({ maxBlockMs: 200 })
    const first = producer.send({ topic: 'orders', value: 'x'.repeat(900) })
    const second = producer.send({ topic: 'orders', value: 'x'.repeat(900) })
    await expect(second).rejects.toMatchObject({ code: 'REQUEST_TIMED_OUT' })
    const third = producer.send({ topic: 'orders', value: 'x'.repeat(900) }, { timeoutMs: 10_000 })
    held.release()
    await Promise.all([first, third])
    expect(await readAll(cluster, 'orders')).toHaveLength(2)
  })

  it('lets nothing that would fit overtake what waits for room', async () => {
    const { cluster, held } = await withHeldSend()
    const producer = cluster.producer()
    const to = { topic: 'orders', partition: 0 } as const
    const sends = ['x'.repeat(600), 'y'.repeat(600), 'z'].map(value => producer.send({ ...to, value }))
    held.release()
    expect((await Promise.all(sends)).map(({ offset }) => offset)).toEqual([0, 1, 2])
  })

  it('lets in what fits where that which waited before it is refused', async () => {
    const { cluster, held } = await withHeldSend()
    const producer = cluster.producer()
    const send = (bytes: number, timeoutMs: number) =>
      producer.send({ topic: 'orders', partition: 0, value: 'x'.repeat(bytes) }, { timeoutMs })
    const first = send(600, 60_000)
    const large = send(600, 50)
    const small = send(100, 200)
    const another = send(600, 200)
    await expect(large).rejects.toMatchObject({ code: 'REQUEST_TIMED_OUT' })
    await expect(another).rejects.toMatchObject({ code: 'REQUEST_TIMED_OUT' })
    held.release()
    expect((await Promise.all([first, small])).map(({ offset }) => offset)).toEqual([0, 1])
  })

  it('writes what is larger than all the room, when nothing else is on its way', async () => {
    const { join } = await start()
    const cluster = await join({ bufferMemory: 1000 })
    const producer = cluster.producer({ maxBlockMs: 1000 })
    await Promise.all(
      [900, 2000, 900].map(size => producer.send({ topic: 'orders', value: 'x'.repeat(size) })),
    )
    expect(await readAll(cluster, 'orders')).toHaveLength(3)
  })

  it('takes back what waits when its signal aborts', async () => {
    const { cluster, held } = await withHeldSend()
    const producer = cluster.producer()
    const signal = AbortSignal.timeout(50)
    const [first, ...waiting] = ['x'.repeat(900), 'y'.repeat(900), 'z'].map((value, i) =>
      producer.send({ topic: 'orders', value }, i === 0 ? {} : { signal }),
    )
    const aborted = waiting.map(each => expect(each).rejects.toMatchObject({ name: 'TimeoutError' }))
    await Promise.all(aborted)
    held.release()
    await first
    expect(await readAll(cluster, 'orders')).toHaveLength(1)
  })
})
