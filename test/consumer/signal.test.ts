import { expect, it } from 'vitest'
import { fill, gate } from '../helpers/behaviours.ts'
import { rejectionOf, thrownBy } from '../helpers/errors.ts'
import { testBroker } from '../helpers/test-broker.ts'

const orders0 = { topic: 'orders', partition: 0 } as const

function consumerWith(records: number) {
  const { broker, clock } = testBroker()
  broker.createTopic('orders')
  fill(broker, 'orders', records)
  const stop = new AbortController()
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'], signal: stop.signal })
  return { broker, clock, stop, consumer }
}

it('closes a consumer that runs: what is in flight is finished and committed', async () => {
  const { broker, clock, stop, consumer } = consumerWith(3)
  const first = gate()
  await consumer.run({ eachRecord: () => first.opened })
  await clock.settle()
  stop.abort()
  await clock.settle()
  first.open()
  await consumer.done
  expect(broker.group('g').committed(orders0)).toEqual({ offset: 1 })
})

it('ends a loop', async () => {
  const { clock, stop, consumer } = consumerWith(2)
  const seen: number[] = []
  const loop = (async () => {
    for await (const { offset } of consumer) seen.push(offset)
  })()
  await clock.settle()
  stop.abort()
  await loop
  expect(seen).toEqual([0, 1])
})

it('ends a loop over batches', async () => {
  const { clock, stop, consumer } = consumerWith(2)
  const seen: number[] = []
  const loop = (async () => {
    for await (const { records } of consumer.batches()) seen.push(records.length)
  })()
  await clock.settle()
  stop.abort()
  await loop
  expect(seen).toEqual([2])
})

it('ends a poll that waits, with nothing', async () => {
  const { clock, stop, consumer } = consumerWith(0)
  const polled = consumer.poll()
  await clock.settle()
  stop.abort()
  expect(await polled).toEqual([])
})

it('makes no consumer once it has aborted', async () => {
  const { broker } = testBroker()
  const reason = new Error('too late')
  const signal = AbortSignal.abort(reason)
  expect(thrownBy(() => broker.consumer({ topics: [], signal }))).toBe(reason)
})

it('leaves nothing behind at the signal of a consumer that has ended', async () => {
  const { broker, stop, consumer } = consumerWith(0)
  await consumer.close()
  stop.abort()
  await consumer.done
  expect((await rejectionOf(consumer.poll())).message).toContain('is closed')
  expect(broker.groups.size).toBe(0)
})
