import { expect, it, vi } from 'vitest'
import { broker } from './in-process.ts'
import { charged, place, start, stop } from './shop.ts'

vi.mock('kafkajs', async importActual => ({
  ...(await importActual()),
  ...(await import('./in-process.ts')),
}))

it('a service that makes its own KafkaJS when it is loaded talks to the broker all the same', async () => {
  await start()
  await place('o-1')
  await broker.idle()
  expect(charged).toEqual(['o-1'])
  expect(broker.topic('orders').records()).toHaveLength(1)
  await stop()
  await broker.close()
})
