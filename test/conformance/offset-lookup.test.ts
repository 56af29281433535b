import { expect, it } from 'vitest'
import { BrokerClock } from '../../src/broker-clock.ts'
import { Cluster, type ClusterOptions } from '../../src/kafka/cluster.ts'
import { OffsetLookup } from '../../src/kafka/offset-lookup.ts'
import { VirtualClock } from '../../src/testing/index.ts'

/**
 * The leaders of the partitions of a topic at a cluster of one broker: 1, or -1 for none. Its offsets are all 7; looking
 * one up is refused where `errnos` has an error for the partition.
 */
async function open(leaders: number[], errnos: Record<number, number> = {}) {
  const clock = new VirtualClock()
  const api = (name: string) => ({ api: { key: 0, version: 0 }, name })
  const [metadata, listOffsets] = [api('Metadata'), api('ListOffsets')]
  const broker = { nodeId: 1, host: 'leader', port: 1 }
  const topic = () => ({
    errorCode: 0,
    name: 'log',
    topicId: 'id',
    isInternal: false,
    partitions: leaders.map((leaderId, partitionIndex) => ({ partitionIndex, leaderId, leaderEpoch: 0 })),
  })
  const call = async (_broker: unknown, asked: unknown, request: readonly unknown[]) => {
    if (asked === metadata) return { brokers: [broker], topics: [topic()] }
    const [, , topics] = request as [unknown, unknown, { partitions: { partitionIndex: number }[] }[]]
    const partitions = topics[0]!.partitions.map(each => ({
      ...each,
      errorCode: errnos[each.partitionIndex] ?? 0,
      offset: 7n,
    }))
    return { topics: [{ name: 'log', partitions }] }
  }
  const cluster = new Cluster({
    library: {
      metadataV12: metadata,
      listOffsetsV7: listOffsets,
      protocolErrorsCodesById: { 5: 'LEADER_NOT_AVAILABLE', 29: 'TOPIC_AUTHORIZATION_FAILED' },
      protocolErrors: { LEADER_NOT_AVAILABLE: { canRetry: true, message: 'none yet' } },
    },
    connections: { open: () => ({ call, readiest: () => broker }) },
    bootstrapBrokers: [broker],
    clock: new BrokerClock(clock),
    random: () => 0.5,
    apiTimeoutMs: 1000,
    metadataMaxAgeMs: 300_000,
    serdeOf: () => ({ keys: 'string' }),
  } as unknown as ClusterOptions)
  await cluster.topic('log')
  const lookup = new OffsetLookup(cluster)
  const outcomes: unknown[] = []
  const find = (partition: number) =>
    lookup.offsetFor({ topic: 'log', partition }, 'end', 'read_uncommitted').then(
      offset => (outcomes[partition] = offset),
      error => (outcomes[partition] = error),
    )
  return { clock, find, outcomes }
}

it('takes no longer where partitions that are looked up together get leaders one after the other', async () => {
  const leaders = [-1, -1, -1]
  const { clock, find, outcomes } = await open(leaders)
  for (const partition of leaders.keys()) void find(partition)
  await clock.advance(600)
  leaders[0] = 1
  await clock.advance(399)
  expect(outcomes).toEqual([7])
  await clock.advance(1)
  const late = {
    code: 'REQUEST_TIMED_OUT',
    message: expect.stringContaining('gave up after 1000 ms: log-1 has no'),
  }
  expect(outcomes).toMatchObject([7, late, late])
})

it('answers for the others where a leader refuses some of the partitions', async () => {
  const errnos = { 1: 5, 2: 29 }
  const { clock, find, outcomes } = await open([1, 1, 1, 1], errnos)
  for (const partition of [0, 1, 2, 3]) void find(partition)
  await clock.advance(0)
  const refused = { code: 'TOPIC_AUTHORIZATION_FAILED', topic: 'log', partition: 2 }
  expect(outcomes).toMatchObject([7, undefined, refused, 7])
  await clock.advance(500)
  expect(outcomes[1]).toBeUndefined()
  errnos[1] = 0
  await clock.advance(500)
  expect(outcomes[1]).toBe(7)
})
