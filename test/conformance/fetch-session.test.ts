import { expect, it } from 'vitest'
import { BrokerClock } from '../../src/broker-clock.ts'
import { Deferred } from '../../src/deferred.ts'
import { errnos } from '../../src/error-codes.ts'
import { type BrokerletError, TimeoutError } from '../../src/index.ts'
import { ClusterFetchSession, type FetchSessionHost } from '../../src/kafka/fetch-session.ts'
import { VirtualClock } from '../../src/testing/index.ts'

interface Asked {
  readonly key: string
  readonly partitions: readonly number[]
  /** Answers with a record, or an end that lies far on; or with nothing, or an error, for some partitions. */
  answer(others?: Readonly<Record<number, 'nothing' | number>>): void
  fail(error: unknown): void
}

const position = (partition: number, fetchPosition = 0) => ({
  topic: 'log',
  partition,
  fetchPosition,
  paused: false,
})

/** A session with the leader of a topic, whose requests are answered by the test; each fetch gives one record. */
function open() {
  const clock = new VirtualClock()
  const asked: Asked[] = []
  const told: BrokerletError[] = []
  const metadata = { answered: Promise.resolve() as Promise<void> }
  const leader = { node: 1, broker: { host: 'leader', port: 1 }, epoch: 0 }
  const cluster = {
    clock: new BrokerClock(clock),
    apiTimeoutMs: 1000,
    random: () => 0.5,
    library: {
      fetchV13: 'fetch',
      createAPI: () => 'ends',
      Writer: {},
    },
    speaks: () => true,
    topic: async () => ({ id: 'id', serde: { keys: 'string' } }),
    knownTopic: () => ({ id: 'id' }),
    leader: () => leader,
    leadership: () => leader,
    noLeader: () => new TimeoutError('nobody leads'),
    refresh: () => metadata.answered,
    error: (errno: number, what: string) => new TimeoutError(`${what}: ${errno}`),
  }
  const connections = {
    call: (_broker: unknown, api: unknown, request: readonly unknown[]) =>
      new Promise((resolve, reject) => {
        const isFetch = api === 'fetch'
        const topics = (isFetch ? request[6] : request[0]) as {
          partitions: { partition: number; fetchOffset: bigint; leaderEpoch: number }[]
        }[]
        const partitions = topics.flatMap(topic => topic.partitions)
        asked.push({
          key: isFetch ? 'fetch' : 'ends',
          partitions: partitions.map(({ partition }) => partition),
          fail: reject,
          answer: (others = {}) => {
            const answers = partitions.map(({ partition, fetchOffset, leaderEpoch }) => {
              const other = others[partition]
              const errorCode = typeof other === 'number' ? other : 0
              if (!isFetch) return { partition, errorCode, leaderEpoch, endOffset: 1000n }
              const offset = fetchOffset
              return {
                partitionIndex: partition,
                errorCode,
                highWatermark: offset + 1n,
                lastStableOffset: offset + 1n,
                logStartOffset: 0n,
                abortedTransactions: null,
                records:
                  other !== undefined
                    ? []
                    : [
                        {
                          firstOffset: offset,
                          lastOffsetDelta: 0,
                          partitionLeaderEpoch: leader.epoch,
                          attributes: 0,
                          firstTimestamp: 0n,
                          maxTimestamp: 0n,
                          producerId: -1n,
                          records: [
                            { timestampDelta: 0n, offsetDelta: 0, key: null, value: null, headers: [] },
                          ],
                        },
                      ],
              }
            })
            const named = { topicId: 'id', name: 'log', partitions: answers }
            resolve(isFetch ? { errorCode: 0, responses: [named] } : { topics: [named] })
          },
        })
      }),
    close: async () => {},
  }
  const host = {
    cluster,
    connections,
    lookup: { offsetFor: async () => 0 },
    limits: { fetchMaxWaitMs: 500, maxPartitionFetchBytes: 1000, fetchMaxBytes: 1000 },
    isolationLevel: 'read_uncommitted',
    touch: () => {},
    failing: (error: BrokerletError) => told.push(error),
  } as unknown as FetchSessionHost
  const session = new ClusterFetchSession(host, () => {})
  const settle = () => clock.advance(0)
  return { clock, asked, told, leader, metadata, session, settle }
}

it.each(['paused', 'ended'])(
  'does not tell of a partition whose reading is %s while it is tried in vain',
  async how => {
    const { clock, asked, told, metadata, session, settle } = open()
    const [one, other] = [position(0), position(1)]
    await session.start(one)
    const ending = await session.start(other)
    await settle()
    expect(asked).toMatchObject([{ partitions: [0, 1] }])
    if (how === 'ended') ending.stop()
    const unanswered = new TimeoutError('nobody answers')
    const tried = new Deferred<void>()
    metadata.answered = tried.promise
    asked[0]!.fail(unanswered)
    await clock.advance(1000)
    if (how === 'paused') other.paused = true
    tried.reject(unanswered)
    await settle()
    expect(told.map(({ message }) => message)).toEqual([
      'Reading log-0: no success for 1000 ms: nobody answers',
    ])
    session.close()
  },
)

it('reads a partition where the comparison of another one with the same leader fails', async () => {
  const { clock, asked, leader, session, settle } = open()
  await session.start(position(0))
  await session.start(position(1))
  await settle()
  asked[0]!.answer({ 1: 'nothing' })
  await settle()
  leader.epoch = 1
  asked[1]!.answer({ 0: 'nothing', 1: 'nothing' })
  await settle()
  for (let i = 2; i < 6; i++) {
    asked[i]?.answer(asked[i]!.key === 'ends' ? { 0: errnos.UNKNOWN_LEADER_EPOCH } : {})
    await clock.advance(5000)
  }
  expect(asked.slice(0, 4).map(({ key, partitions }) => `${key} of ${partitions}`)).toEqual([
    'fetch of 0,1',
    'fetch of 0,1',
    'ends of 0',
    'fetch of 1',
  ])
  session.close()
})

it('compares where a reader went while it was fetched for elsewhere', async () => {
  const { asked, leader, session, settle } = open()
  const reader = position(0, 5)
  const fetch = await session.start(reader)
  await settle()
  asked[0]!.answer()
  await settle()
  expect(session.poll()).toBe(reader)
  expect(fetch.read()).toMatchObject({ offset: 5 })
  asked[1]!.answer({ 0: 'nothing' })
  leader.epoch = 1
  reader.fetchPosition = 0
  fetch.next()
  fetch.changed()
  await settle()
  reader.fetchPosition = 6
  fetch.changed()
  asked[2]!.answer()
  await settle()
  expect(asked.map(({ key }) => key)).toEqual(['fetch', 'fetch', 'fetch', 'ends'])
  session.close()
})

it.each([
  ['compares first where a leader of a later epoch leads', 2, ['ends', 'fetch']],
  ['compares nothing where the leader is the same', 1, ['fetch']],
  ['compares nothing where a later leader is known than leads: the topic is another one', 0, ['fetch']],
] as const)('begins after what others have read under a leader, and %s', async (_what, epoch, keys) => {
  const { asked, leader, session, settle } = open()
  leader.epoch = epoch
  const fetch = await session.start({ ...position(0, 5), leaderEpoch: 1 })
  expect([4, 5, 6].map(offset => fetch.epochBefore(offset))).toEqual([undefined, 1, undefined])
  await settle()
  for (let i = 0; i < keys.length; i++) {
    asked[i]!.answer()
    await settle()
  }
  expect(asked.slice(0, keys.length).map(({ key }) => key)).toEqual(keys)
  expect([6, 7].map(offset => fetch.epochBefore(offset))).toEqual([epoch, undefined])
  session.close()
})
