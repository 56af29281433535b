import { afterEach, expect, it } from 'vitest'
import { FetchSession } from '../../src/server/fetch-session.ts'
import { connect, RequestLog, WireFaults } from '../../src/server/index.ts'
import { apis } from '../../src/server/protocol/apis.ts'
import type { Api } from '../../src/server/protocol/message.ts'
import { testBroker } from '../helpers/test-broker.ts'
import { WireClient } from '../helpers/wire-client.ts'

const { fetch } = apis as unknown as Readonly<Record<string, Api>>

const open: { close(): Promise<unknown> }[] = []
afterEach(async () => {
  for (const broker of open.splice(0)) await broker.close()
})

function start({ maxFetchSessions = 1000 } = {}) {
  const { broker, clock } = testBroker()
  open.push(broker)
  const log = broker.createTopic('log', { partitions: 3 })
  const requests = new RequestLog()
  const errors: unknown[] = []
  broker.on('error', error => errors.push(error))
  const faults = new WireFaults()
  const client = new WireClient(connect(broker, { maxFetchSessions, requests, faults }))
  const ask = async (
    [sessionId, sessionEpoch]: readonly [number, number],
    offsets: Readonly<Record<number, number>> = {},
    forgotten: readonly number[] = [],
  ) => {
    const partitions = Object.entries(offsets).map(([partition, fetchOffset]) => ({
      partition: Number(partition),
      fetchOffset,
      partitionMaxBytes: 1000,
    }))
    const answer = await client.call(fetch!, 11, {
      maxWaitMs: 0,
      minBytes: 0,
      maxBytes: 1000,
      sessionId,
      sessionEpoch,
      topics: partitions.length === 0 ? [] : [{ topic: 'log', partitions }],
      forgottenTopicsData: forgotten.length === 0 ? [] : [{ topic: 'log', partitions: forgotten }],
    })
    const told = answer.responses.flatMap((topic: any) => topic.partitions)
    return {
      id: answer.sessionId as number,
      errorCode: answer.errorCode as number,
      told: told.map((each: any) => each.partitionIndex as number),
      errors: told.map((each: any) => each.errorCode as number),
    }
  }
  const append = (partition: number) => log.append({ partition, value: 1 } as never)
  return { broker, client, clock, log, requests, faults, errors, ask, append }
}

it('a client says once what it reads, and is told what changes', async () => {
  const { ask, append } = start()
  append(0)
  const { id, told } = await ask([0, 0], { 0: 1, 1: 0, 2: 0 })
  expect(id).toBeGreaterThan(0)
  expect(told).toEqual([0, 1, 2])
  expect((await ask([id, 1])).told).toEqual([])
  append(1)
  append(2)
  expect((await ask([id, 2])).told).toEqual([1, 2])
  // It has not moved on, so the records are still to be told.
  expect((await ask([id, 3])).told).toEqual([1, 2])
  expect((await ask([id, 4], { 1: 1 })).told).toEqual([2])
})

// As Kafka: a session that begins has nothing to forget.
it('a session that begins has all that its first request reads, whatever that forgets', async () => {
  const { ask, append } = start()
  const { id, told } = await ask([0, 0], { 0: 0, 1: 0 }, [0])
  expect(told).toEqual([0, 1])
  append(0)
  expect((await ask([id, 1])).told).toEqual([0])
})

it('a log start that moves is told, too', async () => {
  const { log, ask, append } = start()
  append(0)
  const { id } = await ask([0, 0], { 0: 1 })
  log.partitions[0]!.deleteRecords(1)
  expect((await ask([id, 1])).told).toEqual([0])
  expect((await ask([id, 2])).told).toEqual([])
})

it('an error is told as long as it lasts, and its end once', async () => {
  const { ask, append } = start()
  const { id, errors } = await ask([0, 0], { 0: 1 })
  expect(errors).toEqual([1])
  expect((await ask([id, 1])).errors).toEqual([1])
  append(0)
  expect((await ask([id, 2])).errors).toEqual([0])
  expect((await ask([id, 3])).errors).toEqual([])
})

it('a partition that had its turn comes after the others', async () => {
  const { ask, append } = start()
  const { id } = await ask([0, 0], { 0: 0, 1: 0, 2: 0 })
  append(0)
  expect((await ask([id, 1])).told).toEqual([0])
  for (const partition of [0, 1, 2]) append(partition)
  expect((await ask([id, 2])).told).toEqual([1, 2, 0])
})

it('what is forgotten is read no longer, and a session of nothing ends', async () => {
  const { ask, append } = start()
  const { id } = await ask([0, 0], { 0: 0, 1: 0 })
  append(0)
  expect((await ask([id, 1], {}, [0])).told).toEqual([])
  expect((await ask([id, 2], {}, [1])).id).toBe(0)
  expect((await ask([id, 3])).errorCode).toBe(70)
})

it('a request that does not follow the last one is refused, and the client begins anew', async () => {
  const { ask } = start()
  const { id } = await ask([0, 0], { 0: 0 })
  expect((await ask([id, 2])).errorCode).toBe(71)
  expect((await ask([id + 1, 1])).errorCode).toBe(70)
  const again = await ask([id, 0], { 1: 0 })
  expect(again).toMatchObject({ errorCode: 0, told: [1] })
  expect(again.id).not.toBe(id)
  expect((await ask([id, 1])).errorCode).toBe(70)
})

// Java's does, as long as it does not know the id of a topic that it reads.
it('a session counts its requests from one again after the largest number', () => {
  const session = new FetchSession(1, true)
  session.epoch = 2 ** 31 - 1
  session.advance()
  expect(session.epoch).toBe(1)
})

it('a client that turns from the names of topics to their ids begins anew, and the other way round', async () => {
  const { client, log, ask, append } = start()
  append(0)
  const partitions = [{ partition: 0, fetchOffset: 0, partitionMaxBytes: 1000 }]
  const byId = (sessionId: number, sessionEpoch: number) =>
    client.call(fetch!, 13, {
      maxWaitMs: 0,
      minBytes: 0,
      maxBytes: 1000,
      sessionId,
      sessionEpoch,
      topics: [{ topicId: log.id, partitions }],
    })
  const named = await ask([0, 0], { 0: 0 })
  expect(await byId(named.id, 1)).toMatchObject({ errorCode: 106, sessionId: 0, responses: [] })
  expect(await byId(named.id, 2)).toMatchObject({ errorCode: 71 })
  const anew = await byId(named.id, 0)
  expect(anew.responses).toMatchObject([{ partitions: [{ partitionIndex: 0, errorCode: 0 }] }])
  expect((await ask([anew.sessionId, 1], { 0: 0 })).errorCode).toBe(106)
})

it('a client may end its session, and fetch without', async () => {
  const { ask } = start()
  const { id } = await ask([0, 0], { 0: 0 })
  expect(await ask([id, -1], { 1: 0 })).toMatchObject({ id: 0, told: [1] })
  expect((await ask([id, 1])).errorCode).toBe(70)
})

it('where there is no place a client fetches without, until one has been silent for two minutes', async () => {
  const { clock, ask } = start({ maxFetchSessions: 1 })
  const { id } = await ask([0, 0], { 0: 0 })
  expect(await ask([0, 0], { 1: 0 })).toMatchObject({ id: 0, told: [1] })
  await clock.advance(119_000)
  expect((await ask([id, 1])).errorCode).toBe(0)
  await clock.advance(119_000)
  expect((await ask([0, 0], { 1: 0 })).id).toBe(0)
  await clock.advance(1000)
  expect((await ask([0, 0], { 1: 0 })).id).toBeGreaterThan(0)
  expect((await ask([id, 2])).errorCode).toBe(70)
})

it('where there is no place at all every client fetches without', async () => {
  const { ask } = start({ maxFetchSessions: 0 })
  expect(await ask([0, 0], { 0: 0 })).toMatchObject({ id: 0, told: [0] })
})

it('a connection that ends in the place of an answer is nobody’s error', async () => {
  const { faults, errors, client, ask } = start()
  const { id } = await ask([0, 0], { 0: 0 })
  faults.disconnect({ api: 'Fetch' })
  await expect(ask([id, 1])).rejects.toThrow('closed without an answer')
  await client.closed
  expect(errors).toEqual([])
})

it('the request log shows all that a client reads, whatever of that it says', async () => {
  const { ask, requests } = start()
  const { id } = await ask([0, 0], { 0: 0, 2: 0 })
  await ask([id, 1])
  expect(requests.of({ api: 'Fetch', topic: 'log', partition: 2 })).toHaveLength(2)
})

it('an end of the log that moves is told also where there was no room for records', async () => {
  const { ask, append } = start()
  const { id } = await ask([0, 0], { 0: 0, 1: 0 })
  for (let i = 0; i < 300; i++) append(0)
  append(1)
  expect((await ask([id, 1])).told).toEqual([0, 1])
  expect((await ask([id, 2])).told).toEqual([1])
})

it('reads each topic that a client knows by its name, and names none of which it tells nothing', async () => {
  const { broker, client, append } = start()
  const other = broker.createTopic('other', { partitions: 1 })
  const ask = async (sessionId: number, sessionEpoch: number, ...names: string[]) => {
    const partitions = [{ partition: 0, fetchOffset: 0, partitionMaxBytes: 1000 }]
    const topics = names.map(topic => ({ topic, partitions }))
    const sizes = { maxWaitMs: 0, minBytes: 0, maxBytes: 1000 }
    const answer = await client.call(fetch!, 11, { ...sizes, sessionId, sessionEpoch, topics })
    return { id: answer.sessionId, told: answer.responses.map((each: any) => each.topic) }
  }
  const { id, told } = await ask(0, 0, 'log', 'other')
  expect(told).toEqual(['log', 'other'])
  expect((await ask(id, 1)).told).toEqual([])
  other.append({ value: 1 } as never)
  expect((await ask(id, 2)).told).toEqual(['other'])
  append(0)
  expect((await ask(id, 3)).told).toEqual(['log', 'other'])
})

it('reads each topic that a client knows by its id', async () => {
  const { broker, client, log, append } = start()
  const other = broker.createTopic('other')
  append(0)
  other.append({ value: 1 } as never)
  const partitions = [{ partition: 0, fetchOffset: 0, partitionMaxBytes: 1000 }]
  const ask = async (sessionId: number, sessionEpoch: number, topicIds: readonly string[]) => {
    const topics = topicIds.map(topicId => ({ topicId, partitions }))
    const wanted = { maxWaitMs: 0, minBytes: 0, maxBytes: 1000, sessionId, sessionEpoch, topics }
    const answer = await client.call(fetch!, 13, wanted)
    return { id: answer.sessionId, told: answer.responses.map(({ topicId }: any) => topicId) }
  }
  const { id, told } = await ask(0, 0, [log.id, other.id])
  expect(told).toEqual([log.id, other.id])
  expect((await ask(id, 1, [])).told).toEqual([log.id, other.id])
})

it('the place of the client that was silent longest is free first', async () => {
  const { clock, ask } = start({ maxFetchSessions: 2 })
  const one = await ask([0, 0], { 0: 0 })
  const two = await ask([0, 0], { 0: 0 })
  await clock.advance(60_000)
  expect((await ask([one.id, 1])).errorCode).toBe(0)
  await clock.advance(60_000)
  expect((await ask([0, 0], { 0: 0 })).id).toBeGreaterThan(0)
  expect((await ask([two.id, 1])).errorCode).toBe(70)
  expect((await ask([one.id, 2])).errorCode).toBe(0)
})
