import { expect, it } from 'vitest'
import { names, owners, range } from '../helpers/behaviours.ts'
import { testBroker } from '../helpers/test-broker.ts'

const subscriptions = [/^a/, /^[ab]/, /1$/, ['a1', 'b2', 'a1'], /./, /^[ab]/] as const

it('lets members read exactly the topics that match, in whatever order these come and go', async () => {
  const { broker, clock } = testBroker()
  broker.createTopic('a1')
  broker.createTopic('b2')
  for (const [i, topics] of subscriptions.entries()) {
    const consumer = broker.consumer({ groupId: 'g', topics, clientId: `m${i}` } as never)
    await consumer.run({ eachRecord: () => {} })
  }
  const draw = broker.engine.random
  const matches = (topics: (typeof subscriptions)[number], name: string) =>
    topics instanceof RegExp ? topics.test(name) : (topics as readonly string[]).includes(name)
  for (let step = 0; step < 200; step++) {
    const name = `${'abc'[Math.floor(draw() * 3)]}${Math.floor(draw() * 6)}`
    if (broker.topics.has(name)) broker.deleteTopic(name)
    else broker.createTopic(name, { partitions: 1 + Math.floor(draw() * 3) })
    if (draw() < 0.3) await clock.settle()
    const all = [...broker.topics.keys()].sort()
    const read = broker.group('g').members.map(({ topics }) => topics)
    expect(read).toEqual(subscriptions.map(topics => all.filter(each => matches(topics, each))))
  }
  await broker.group('g').stable()
  const assigned = Object.values(owners(broker, 'g')).flat().sort()
  const wanted = [...broker.topics.values()].filter(({ name }) =>
    subscriptions.some(each => matches(each, name)),
  )
  expect(assigned).toEqual(
    names(
      wanted.flatMap(({ name, partitions }) =>
        partitions.map(({ index }) => ({ topic: name, partition: index })),
      ),
    ),
  )
})

it('gives a static member its place back, though its topics were those of others only for a while', async () => {
  const { broker } = testBroker()
  const moved: number[] = []
  broker.createTopic('a', { partitions: 4 })
  broker.createTopic('b')
  broker.on('rebalanced', event => moved.push(event.moved))
  const others = { groupId: 'g', topics: ['a'] } as const
  await broker.consumer({ ...others, clientId: 'first' }).ready()
  const own = { groupId: 'g', groupInstanceId: 'i', clientId: 'static', topics: /^[ab]$/ }
  const member = broker.consumer(own)
  await member.ready()
  broker.deleteTopic('b')
  await broker.group('g').stable()
  const before = owners(broker, 'g')
  const { epoch } = broker.group('g')
  moved.length = 0
  await member.close()
  await broker.consumer(own).ready()
  expect(owners(broker, 'g')).toEqual(before)
  expect(moved).toEqual([])
  expect(broker.group('g').epoch).toBe(epoch + 1)
})

it('follows a thousand topics that come and go at once', async () => {
  const { broker, clock } = testBroker()
  const seen = new Set<string>()
  for (const clientId of ['a', 'b', 'c']) {
    const consumer = broker.consumer({ groupId: 'g', topics: /^t/, clientId })
    await consumer.run({ eachRecord: ({ topic }) => seen.add(topic) })
  }
  for (const i of range(0, 1000)) broker.createTopic(`t${i}`)
  for (const i of range(0, 500)) broker.deleteTopic(`t${i}`)
  for (const i of range(500, 1000)) broker.topic(`t${i}`).append({ value: i })
  await broker.idle()
  expect(seen.size).toBe(500)
  for (const i of range(500, 1000)) broker.deleteTopic(`t${i}`)
  await clock.settle()
  expect(owners(broker, 'g')).toEqual({ a: [], b: [], c: [] })
})
