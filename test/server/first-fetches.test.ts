import { afterEach, expect, it } from 'vitest'
import { topic } from '../../src/index.ts'
import { connect } from '../../src/server/index.ts'
import { apis } from '../../src/server/protocol/apis.ts'
import type { Api } from '../../src/server/protocol/message.ts'
import { TestBroker } from '../../src/testing/index.ts'
import { rejectionOf } from '../helpers/errors.ts'
import { consumerMembers, fetchOf } from '../helpers/group-requests.ts'
import { WireClient } from '../helpers/wire-client.ts'

const { fetch, offsetCommit } = apis as unknown as Readonly<Record<string, Api>>

const brokers: TestBroker<any>[] = []
afterEach(async () => {
  for (const broker of brokers.splice(0)) await broker.close()
})

/** Three records, and KIP-848 members that all have the same client id. */
async function start() {
  const broker = new TestBroker({ topics: { orders: topic({ partitions: 1 }) } })
  brokers.push(broker)
  const producer = broker.producer()
  const send = () => producer.send({ topic: 'orders', value: 1 })
  for (let i = 0; i < 3; i++) await send()
  const client = new WireClient(connect(broker))
  const { beat, join } = consumerMembers(client)
  const fetchFrom = (fetchOffset: number) => client.call(fetch!, 11, fetchOf(fetchOffset))
  const commit = (memberId: string, memberEpoch: number, committedOffset: number) =>
    client.call(offsetCommit!, 9, {
      groupId: 'g',
      memberId,
      generationIdOrMemberEpoch: memberEpoch,
      topics: [{ name: 'orders', partitions: [{ partitionIndex: 0, committedOffset }] }],
    })
  const lag = () => broker.group('g').lag()
  return { broker, send, beat, join, fetchFrom, commit, lag }
}

it('a member that begins at the end has no lag of what was there before', async () => {
  const { broker, send, join, fetchFrom, commit, lag } = await start()
  await join('a')
  expect(lag()).toBe(3)
  const idle = broker.idle()
  await fetchFrom(3)
  await idle
  await send()
  expect(lag()).toBe(1)
  await commit('a', 2, 4)
  expect(lag()).toBe(0)
})

it('what it was given and has not committed is lag, however far it has read', async () => {
  const { broker, join, fetchFrom, lag } = await start()
  await join('a')
  await fetchFrom(3)
  await fetchFrom(1)
  await fetchFrom(3)
  expect(lag()).toBe(2)
  expect((await rejectionOf(broker.idle({ timeoutMs: 0 }))).message).toContain(
    "group 'g' has lag orders-0: 2 (a)",
  )
})

it('where two members of a group have one client id a partition is fetched by its owner', async () => {
  const { broker, send, beat, join, fetchFrom, lag } = await start()
  await join('a')
  await join('b')
  expect(lag()).toBe(3)
  const idle = broker.idle()
  await fetchFrom(3)
  await idle
  await send()
  expect(lag()).toBe(1)
  // Whoever takes it over has been given no more than its owner was.
  await beat('a', -1)
  await beat('b', 3)
  expect(lag()).toBe(1)
})

it('where members of two groups have one client id nobody can tell whose fetches they are: all is lag', async () => {
  const { beat, join, fetchFrom, lag } = await start()
  const other = { groupId: 'other' }
  await join('a')
  await join('a', other)
  await fetchFrom(3)
  expect(lag()).toBe(3)
  await beat('a', -1, other)
  await fetchFrom(3)
  expect(lag()).toBe(3)
  await beat('a', -1)
  await join('c')
  await fetchFrom(3)
  expect(lag()).toBe(0)
})
