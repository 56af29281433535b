import { connect as connectTcp } from 'node:net'
import { afterEach, expect, it } from 'vitest'
import { Broker } from '../../src/index.ts'
import { type ServeOptions, serve } from '../../src/server/index.ts'
import { apis } from '../../src/server/protocol/apis.ts'
import type { Api } from '../../src/server/protocol/message.ts'
import { rejectionOf } from '../helpers/errors.ts'
import { request, WireClient } from '../helpers/wire-client.ts'

const { fetch, metadata } = apis as unknown as Readonly<Record<string, Api>>

const open: (() => unknown)[] = []
afterEach(async () => {
  for (const close of open.splice(0).toReversed()) await close()
})

async function start(options: ServeOptions) {
  const broker = new Broker({ autoCreateTopics: true })
  open.push(() => broker.close())
  broker.createTopic('log', { partitions: 1 })
  const errors: unknown[] = []
  broker.on('error', error => errors.push(error))
  const server = await serve(broker, options)
  const socket = connectTcp(server.port, '127.0.0.1')
  open.push(() => socket.destroy())
  return { broker, server, errors, client: new WireClient(socket) }
}

// The time of sockets is the system's: each of these ends when the connection does.

it('a connection that says nothing for too long is closed, which is nobody’s error', async () => {
  const { server, client, errors } = await start({ connectionsMaxIdleMs: 20 })
  await client.closed
  expect(server.connections).toBe(0)
  expect(errors).toEqual([])
})

it('one that waits for its answer is not idle, and is closed only once it has it', async () => {
  const { client } = await start({ connectionsMaxIdleMs: 20 })
  const answer = await client.call(fetch!, 11, {
    maxWaitMs: 200,
    minBytes: 1,
    maxBytes: 1000,
    sessionId: 0,
    sessionEpoch: -1,
    topics: [{ topic: 'log', partitions: [{ partition: 0, fetchOffset: 0, partitionMaxBytes: 1000 }] }],
  })
  expect(answer.errorCode).toBe(0)
  await client.closed
})

it('nor is one whose broker is slower than that', async () => {
  const { server, client } = await start({ connectionsMaxIdleMs: 20 })
  server.brokers[0]!.slowBy(200)
  expect(await client.call(metadata!, 4, { topics: null })).toMatchObject({ topics: [{ name: 'log' }] })
  await client.closed
})

it('one whose client does not take its answers is idle', async () => {
  const { broker, server, client } = await start({ connectionsMaxIdleMs: 50 })
  for (let i = 0; i < 200; i++) broker.createTopic(`topic-with-a-long-name-${i}`, { partitions: 100 })
  client.socket.pause()
  for (let i = 0; i < 40; i++) client.send(request(metadata!, 4, { topics: null }))
  await expect.poll(() => server.connections).toBe(0)
})

it('refuses a time that would keep nobody', async () => {
  const broker = new Broker()
  open.push(() => broker.close())
  expect(await rejectionOf(serve(broker, { connectionsMaxIdleMs: 0 }))).toMatchObject({
    name: 'InvalidOptionError',
    message: expect.stringContaining('connectionsMaxIdleMs'),
  })
})
