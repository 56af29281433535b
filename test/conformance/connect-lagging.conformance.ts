import { expect, it } from 'vitest'
import { topic } from '../../src/index.ts'
import { RequestLog, WireFaults } from '../../src/server/index.ts'
import { readAll, sendNumbers, until, values } from './collect.ts'
import { start } from './served-broker.ts'

/** Three brokers; two of them answer this client as if the topic that was made last were not there yet. */
async function whereOneKnows(knowing: number) {
  const faults = new WireFaults()
  const { broker, join } = await start({ brokers: 3, faults })
  const lagBehind = (clientId: string) => {
    for (const nodeId of [1, 2, 3]) {
      if (nodeId !== knowing) faults.staleMetadata({ clientId, nodeId }, { always: true })
    }
  }
  return { broker, join, lagBehind }
}

it.each([1, 2, 3])('a topic that only broker %i knows yet is found', async knowing => {
  const { broker, join, lagBehind } = await whereOneKnows(knowing)
  const cluster = await join({ clientId: 'early' })
  await broker.admin.createTopic('late')
  lagBehind('early')
  await expect(cluster.producer().send({ topic: 'late', value: 'written' })).resolves.toMatchObject({
    offset: 0,
  })
  expect(values(await readAll(cluster, 'late'))).toEqual(['written'])
})

it.each([1, 2, 3])('a declared topic that only broker %i knows yet is found', async knowing => {
  const { broker, join, lagBehind } = await whereOneKnows(knowing)
  await broker.admin.createTopic('late')
  lagBehind('early')
  const cluster = await join({ clientId: 'early', topics: { late: topic() } })
  expect(values(await readAll(cluster, 'late'))).toEqual([])
})

it.each([1, 2, 3])('a topic that only broker %i still knows is read on', async knowing => {
  const { broker, join, lagBehind } = await whereOneKnows(knowing)
  await broker.admin.createTopic('late')
  const cluster = await join({ clientId: 'reader' })
  const seen: unknown[] = []
  const reader = cluster.consumer({ topics: ['late'], from: 'beginning' })
  await reader.run({ eachRecord: ({ value }) => void seen.push(value) })
  await sendNumbers(broker, 'late', 1)
  await until(() => expect(seen).toEqual([0]))
  lagBehind('reader')
  for (let i = 0; i < 3; i++) await cluster.admin.listGroups()
  await sendNumbers(broker, 'late', 1)
  await until(() => expect(seen.length).toBeGreaterThan(1))
  expect(seen).toEqual([0, 0])
})

/** Holds the next request for metadata to each of three brokers; returns what resolves with the next of them. */
function requestsOneByOne(faults: WireFaults, clientId: string) {
  const held = [1, 2, 3].map(nodeId => faults.pauseNext({ api: 'Metadata', clientId, nodeId }))
  return async () => {
    const first = await Promise.race(held.map(each => each.entered.then(() => each)))
    held.splice(held.indexOf(first), 1)
    return first
  }
}

it('a topic that one broker does not know yet is read on, while others are looked up', async () => {
  const faults = new WireFaults()
  const requests = new RequestLog()
  const { broker, join } = await start({ brokers: 3, faults, requests })
  const others = ['one', 'two', 'three']
  for (const name of [...others, 'late']) await broker.admin.createTopic(name)
  const clientId = 'reader'
  const cluster = await join({ clientId })
  const seen: unknown[] = []
  const reader = cluster.consumer({ topics: ['late'], from: 'beginning' })
  await reader.run({ eachRecord: ({ value }) => void seen.push(value) })
  await sendNumbers(broker, 'late', 1)
  await until(() => expect(seen).toEqual([0]))
  requests.clear()
  faults.staleMetadata({ clientId })
  const next = requestsOneByOne(faults, clientId)
  const lookUp = (name: string) => cluster.admin.describeTopic(name)
  // For which metadata of all that is known is read.
  const groups = cluster.admin.listGroups()
  const stale = await next()
  const lookUps = others.map(lookUp)
  stale.release()
  const fresh = await next()
  const last = next()
  fresh.release()
  void last.then(each => each.release())
  await Promise.all([groups, ...lookUps])
  // None of them lacks what it was not asked for: that would be asked for three times.
  expect(requests.of({ api: 'Metadata' })).toHaveLength(3)
  await sendNumbers(broker, 'late', 1)
  await until(() => expect(seen.length).toBeGreaterThan(1))
  expect(seen).toEqual([0, 0])
})

it.each([1, 2, 3])('a record is tried again whose own topic only broker %i knows yet', async knowing => {
  const { broker, join, lagBehind } = await whereOneKnows(knowing)
  for (const name of ['jobs.later', 'jobs.dead', 'jobs']) await broker.admin.createTopic(name)
  const handled: unknown[] = []
  const begin = async (clientId: string) => {
    const cluster = await join({ clientId })
    const consumer = cluster.consumer({ groupId: 'workers', topics: ['jobs'] })
    await consumer.run({
      retry: { attempts: 1, topics: [{ topic: 'jobs.later', delayMs: 50 }] },
      onFailure: { deadLetter: 'jobs.dead' },
      eachRecord: ({ value }, { attempt }) => {
        if (attempt === 1) throw new Error('down')
        handled.push(value)
      },
    })
    return { clientId, cluster, consumer }
  }
  const workers = [await begin('one'), await begin('two')]
  await until(() => {
    for (const { consumer } of workers) expect(consumer.assignment).toHaveLength(1)
  })
  const waits = workers.find(({ consumer }) => `${consumer.assignment[0]!.topic}` === 'jobs.later')
  const { clientId, cluster } = waits!
  lagBehind(clientId)
  for (let n = 0; n < 6; n++) {
    await cluster.admin.listGroups()
    for (let i = 0; i < n; i++) await cluster.admin.listTopics()
    await sendNumbers(broker, 'jobs', 1, () => ({ value: n }))
    await until(async () => {
      const dead = await readAll(cluster, 'jobs.dead')
      expect(dead.length + handled.length).toBe(n + 1)
    })
  }
  expect(handled).toEqual([0, 1, 2, 3, 4, 5])
})
