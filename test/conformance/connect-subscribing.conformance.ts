import { setImmediate as turn } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { WireFaults } from '../../src/server/index.ts'
import { until } from './collect.ts'
import { start } from './served-broker.ts'

/** How it reads, and its group. */
const readers = [
  ['as a member', 'g'],
  ['by itself', undefined],
] as const

describe('a consumer that is told to read something else', () => {
  it('is ready with what it reads by now, also where it was heard as a reader of something else meanwhile', async () => {
    const faults = new WireFaults()
    const { broker, join } = await start({ faults })
    await broker.admin.createTopic('payments')
    const cluster = await join()
    const consumer = cluster.consumer({ groupId: 'g', topics: ['orders'] as string[] })
    await consumer.ready()
    const held = faults.pauseNext({ api: 'ConsumerGroupHeartbeat' })
    await held.entered
    await consumer.subscribe(['payments'])
    const ready = consumer.ready()
    held.release()
    await ready
    expect(consumer.assignment).toEqual([{ topic: 'payments', partition: 0 }])
  })

  it.each(readers)(
    'reads what it was told to read last, %s, also where that is answered first',
    async (_how, groupId) => {
      const faults = new WireFaults()
      const { broker, join } = await start({ faults })
      await broker.admin.createTopic('payments')
      await broker.admin.createTopic('refunds')
      const cluster = await join()
      await cluster.admin.describeTopic('payments')
      const consumer = cluster.consumer({ groupId, topics: ['orders'] as string[] })
      await consumer.ready()
      const held = faults.pauseNext({ api: 'Metadata' })
      const changes = [consumer.subscribe(['refunds']), consumer.subscribe(['payments'])]
      await held.entered
      for (let i = 0; i < 10; i++) await turn()
      held.release()
      await Promise.all(changes)
      await until(() => expect(consumer.assignment).toEqual([{ topic: 'payments', partition: 0 }]))
    },
  )

  it.each(readers)(
    'reads on what it was told to read, %s, where what came before is refused',
    async (_how, groupId) => {
      const faults = new WireFaults()
      const { broker, join } = await start({ faults })
      await broker.admin.createTopic('payments')
      const cluster = await join({ apiTimeoutMs: 300 })
      await cluster.admin.describeTopic('payments')
      const consumer = cluster.consumer({ groupId, topics: ['orders'] as string[] })
      await consumer.ready()
      faults.disconnect({ api: 'Metadata' }, { always: true })
      const refused = consumer.subscribe([/p/]).finally(() => faults.clear())
      const told = consumer.subscribe(['payments'])
      await expect(refused).rejects.toMatchObject({ code: 'REQUEST_TIMED_OUT' })
      await told
      await until(() => expect(consumer.assignment).toEqual([{ topic: 'payments', partition: 0 }]))
    },
  )

  it.each(readers)(
    'is ready with what it was told to read last, %s, and not with what came just before',
    async (_how, groupId) => {
      const { broker, join } = await start()
      await broker.admin.createTopic('payments')
      const cluster = await join()
      const consumer = cluster.consumer({ groupId, topics: ['orders'] as string[] })
      await consumer.ready()
      await Promise.all([consumer.subscribe(['payments']), consumer.subscribe(['orders', 'payments'])])
      await consumer.ready()
      expect(consumer.assignment).toHaveLength(3)
      const changes = [consumer.subscribe(['payments']), consumer.subscribe(['missing'])]
      expect(await Promise.allSettled(changes)).toMatchObject([{}, { reason: { topic: 'missing' } }])
      await consumer.ready()
      expect(consumer.assignment).toEqual([{ topic: 'payments', partition: 0 }])
      await broker.admin.createTopic('refunds')
      await consumer.subscribe(['missing']).catch(() => {})
      await Promise.all([consumer.subscribe([/^refunds$/]), consumer.ready()])
      expect(consumer.assignment).toEqual([{ topic: 'refunds', partition: 0 }])
    },
  )
})
