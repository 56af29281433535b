import { expect, it } from 'vitest'
import { Broker, topic } from '../../src/index.ts'

it('delivers', async () => {
  const broker = new Broker({ topics: { orders: topic<{ id: string }>({ partitions: 12 }) } })
  const producer = broker.producer()
  for (let i = 0; i < 100; i++) await producer.send({ topic: 'orders', key: `k${i}`, value: { id: `o${i}` } })
  const got: string[] = []
  const c = broker.consumer({ groupId: 'g', topics: ['orders'] })
  await c.run({ eachRecord: r => void got.push(r.value.id) })
  await broker.idle()
  expect(got.length).toBe(100)
  for (let i = 0; i < 100; i++) await producer.send({ topic: 'orders', key: `k${i}`, value: { id: `o${i}` } })
  const c2 = broker.consumer({ groupId: 'g', topics: ['orders'] })
  await c2.run({ eachRecord: async r => void got.push(r.value.id) })
  await broker.idle()
  expect(got.length).toBe(200)
  expect(c2.assignment.length).toBe(6)
  console.log(JSON.stringify(broker.describe().groups[0]!.partitions.slice(0, 3)))
  await broker.close()
  await c.done
})
it('iterates and polls', async () => {
  const broker = new Broker({ topics: { orders: topic<number>({ partitions: 2 }) } })
  for (let i = 0; i < 10; i++) broker.topic('orders').append({ value: i })
  let n = 0
  for await (const r of broker.consumer({ topics: ['orders'], until: 'end' })) {
    n++
    void r
  }
  expect(n).toBe(10)
  const c = broker.consumer({ groupId: 'p', topics: ['orders'] })
  const recs = await c.poll()
  expect(recs.length).toBe(10)
  await c.close()
  expect(broker.group('p').lag()).toBe(0)
  for await (const b of broker.consumer({ topics: ['orders'], until: 'end' }).batches()) n += b.records.length
  expect(n).toBe(20)
})
