import type * as threads from 'node:worker_threads'
import { expect, it, vi } from 'vitest'
import { eventLoopTurn } from '../../src/testing/turns.ts'

const ports = vi.hoisted((): threads.MessagePort[] => [])

vi.mock('node:worker_threads', async original => {
  const module = await original<typeof threads>()
  // biome-ignore lint/complexity/useArrowFunction: it is called with new
  const MessageChannel = vi.fn(function () {
    const channel = new module.MessageChannel()
    ports.push(channel.port1, channel.port2)
    return channel
  })
  return { ...module, MessageChannel }
})

// Node keeps a port until the process ends. What listens to it is kept as long, and with that the whole of a test file
// in Jest, which loads every module anew for each file.
it('leaves nothing behind at the event loop while nobody waits for a turn', async () => {
  const listeners = () => ports.map(port => port.listenerCount('message'))
  expect(listeners()).toEqual([0, 0])
  const turns = [eventLoopTurn(), eventLoopTurn()]
  expect(listeners()).toEqual([0, 1])
  await Promise.all(turns)
  expect(listeners()).toEqual([0, 0])
  await eventLoopTurn()
  expect(listeners()).toEqual([0, 0])
})
