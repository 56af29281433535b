import { expect, it } from 'vitest'
import { apis } from '../../src/server/protocol/apis.ts'
import type { Api } from '../../src/server/protocol/message.ts'
import { start } from './consumer-group-scene.ts'

const { joinGroup } = apis as unknown as Readonly<Record<string, Api>>

it('refuses what it cannot serve', async () => {
  const { broker, beat, join, client } = start()
  expect(await beat('x', 6)).toMatchObject({ errorCode: 25 })
  expect(await beat('x', 0)).toMatchObject({ errorCode: 42 })
  expect(await join('x', { serverAssignor: 'mine' })).toMatchObject({ errorCode: 112 })
  await join('a')
  expect(await beat('a', 8)).toMatchObject({ errorCode: 110 })
  const classic = { groupId: 'g', memberId: '', sessionTimeoutMs: 1000, protocolType: 'consumer' }
  const protocols = [{ name: 'range', metadata: Buffer.alloc(0) }]
  expect(await client.call(joinGroup!, 3, { ...classic, protocols })).toMatchObject({ errorCode: 23 })
  // That id is a consumer's of the process.
  const own = broker.consumer({ groupId: 'own', topics: ['orders'] })
  await own.ready()
  expect(await join(own.memberId!, { groupId: 'own' })).toMatchObject({ errorCode: 23 })
  await client.call(joinGroup!, 3, { ...classic, groupId: 'classic', protocols })
  expect(await join('b', { groupId: 'classic' })).toMatchObject({ errorCode: 69 })
})

// As a Kafka 4.4 refuses them; clients log the message.
it.each<[what: string, errorCode: number, message: string, memberId: string, epoch: number, more?: object]>([
  ['a group without an id', 42, 'GroupId', 'x', 0, { groupId: '' }],
  ['a member without an id', 42, 'memberId', '', 0],
  ['an instance without an id', 42, 'instanceId', 'x', 0, { instanceId: '' }],
  ['a rack without an id', 42, 'rackId', 'a', 1, { rackId: '' }],
  ['who joins without a time-out', 42, 'rebalanceTimeoutMs', 'x', 0, { rebalanceTimeoutMs: -1 }],
  ['who joins without topics', 42, 'topic names', 'x', 0, { subscribedTopicNames: null }],
  [
    'who joins and does not say that it has nothing',
    42,
    'topicPartitions',
    'x',
    0,
    { topicPartitions: null },
  ],
  [
    'an unknown assignor',
    112,
    'ServerAssignor mine is not supported. Supported assignors: uniform, range.',
    'x',
    0,
    { serverAssignor: 'mine' },
  ],
  [
    'an unknown assignor of a member',
    112,
    'ServerAssignor mine is not supported. Supported assignors: uniform, range.',
    'a',
    1,
    { serverAssignor: 'mine' },
  ],
  ['a pattern that is none', 128, "'('", 'x', 0, { subscribedTopicNames: null, subscribedTopicRegex: '(' }],
  ['an epoch that means nothing', 42, '-3', 'a', -3],
  ['who goes to come back, and is no static member', 42, 'instanceId', 'a', -2],
  ['a member of no group', 25, "'other'", 'a', 1, { groupId: 'other' }],
  ['a member that is none', 25, "'x'", 'x', 1],
  ['who leaves and is no member', 25, "'x'", 'x', -1],
  ['an epoch that was never told', 110, 'epoch 2, received 7', 'a', 7],
])('refuses %s, and says why', async (_, errorCode, message, memberId, epoch, more = {}) => {
  const { beat, join } = start()
  await join('a')
  const answer = epoch === 0 ? await join(memberId, more) : await beat(memberId, epoch, more)
  expect(answer).toMatchObject({ errorCode, errorMessage: expect.stringContaining(message) })
})

it('tells a static member whose place another one has taken that it has', async () => {
  const { beat, join } = start()
  const one = { instanceId: 'one' }
  await join('a', one)
  await beat('a', -2, one)
  const { memberEpoch } = await join('b', one)
  for (const epoch of [1, -1, -2]) {
    expect(await beat('a', epoch, one)).toMatchObject({
      errorCode: 82,
      errorMessage: expect.stringContaining("'b'"),
    })
  }
  expect(await beat('b', memberEpoch, one)).toMatchObject({ errorCode: 0 })
})

it('knows a static member only by its own instance id', async () => {
  const { join, beat } = start()
  await join('a', { instanceId: 'one' })
  expect(await beat('a', 2, { instanceId: 'two' })).toMatchObject({ errorCode: 25 })
  expect(await beat('b', 2, { instanceId: 'one' })).toMatchObject({ errorCode: 82 })
  expect(await beat('a', 2, { instanceId: 'one' })).toMatchObject({ errorCode: 0 })
})
