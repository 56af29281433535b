import { beforeEach, describe, expect, it, vi } from 'vitest'
import type { Consumer, ConsumerOptions } from '../../src/index.ts'
import type { ConnectOptions, KafkaConnection } from '../../src/kafka/index.ts'
import { OffsetLookup } from '../../src/kafka/offset-lookup.ts'
import { gate } from '../helpers/behaviours.ts'
import { numbers, sendNumbers, until, values } from './collect.ts'
import { start } from './served-broker.ts'

// A served log never loses its end: what its leader answers is changed on its way. `asked` counts the answers.
const leader = vi.hoisted(() => ({
  asked: 0,
  held: undefined as Promise<void> | undefined,
  ends: {} as { readonly leaderEpoch?: number; readonly endOffset?: bigint },
  version: undefined as number | undefined,
}))

vi.mock(import('../../src/kafka/leader-epoch-ends.ts'), async original => {
  const { leaderEpochEnds } = await original()
  return {
    leaderEpochEnds: library => {
      const { api } = leaderEpochEnds(library)
      return {
        api: {
          ...api,
          version: leader.version ?? api.version,
          async: async (connection, topics) => {
            const answer = await api.async(connection, topics)
            leader.asked++
            await leader.held
            const changed = answer.topics.map(({ name, partitions }) => ({
              name,
              partitions: partitions.map(each => ({ ...each, ...leader.ends })),
            }))
            return { topics: changed }
          },
        },
      }
    },
  }
})

beforeEach(() => {
  leader.asked = 0
  leader.held = undefined
  leader.ends = {}
  leader.version = undefined
})

/** A topic of one partition with ten records at the brokers of a cluster; `elect` lets it be led anew. */
async function tenRecords(options: Partial<ConnectOptions> = {}) {
  const { broker, server, join } = await start({ brokers: 3 })
  await broker.admin.createTopic('log')
  const cluster = await join({ bootstrapBrokers: server.bootstrapServers.split(','), ...options })
  await sendNumbers(broker, 'log', 10)
  const elect = async () => {
    for (const each of server.brokers) {
      await each.stop()
      await each.start()
    }
  }
  return { broker, cluster, elect }
}

const resetsOf = (consumer: Consumer) => {
  const resets: unknown[] = []
  consumer.on('offsetReset', ({ from, to, reason }) => resets.push({ from, to, reason }))
  return resets
}

/** A consumer that runs, with the values that it sees and how it is reset. */
async function running(cluster: KafkaConnection, options: ConsumerOptions) {
  const consumer = cluster.consumer(options)
  const resets = resetsOf(consumer)
  const seen: unknown[] = []
  await consumer.run({ eachRecord: ({ value }) => seen.push(value) })
  return { consumer, seen, resets }
}

async function pollTen(consumer: Consumer): Promise<void> {
  for (let polled = 0; polled < 10; ) polled += (await consumer.poll({ timeoutMs: 5000 })).length
}

describe('a log that has lost its end with its leader', () => {
  it.each([
    ['a member', { groupId: 'g' }],
    ['a member that would begin at the end', { groupId: 'g', autoOffsetReset: 'latest' }],
    ['a reader', { from: 'beginning' }],
  ] as const)('is read by %s from where what was read ends in it', async (_who, options) => {
    const { broker, cluster, elect } = await tenRecords()
    await broker.admin.setGroupOffsets('g', [{ topic: 'log', partition: 0, offset: 0 }])
    const { consumer, seen, resets } = await running(cluster, { topics: ['log'], ...options })
    await until(() => expect(seen).toEqual(numbers(10)))
    leader.ends = { endOffset: 5n }
    await elect()
    await until(() => expect(seen).toEqual([...numbers(10), ...numbers(5, 5)]))
    expect(resets).toEqual([{ from: 10, to: 5, reason: 'truncated' }])
    await consumer.close()
  })

  it("is the end of a consumer without a reset policy, and the error says where the log's end was lost", async () => {
    const { broker, cluster, elect } = await tenRecords()
    await broker.admin.setGroupOffsets('g', [{ topic: 'log', partition: 0, offset: 0 }])
    const consumer = cluster.consumer({ groupId: 'g', topics: ['log'], autoOffsetReset: 'none' })
    const seen: unknown[] = []
    const crashed = new Promise(resolve => consumer.on('crashed', ({ error }) => resolve(error)))
    await consumer.run({ eachRecord: ({ value }) => seen.push(value) })
    await until(() => expect(seen).toEqual(numbers(10)))
    leader.ends = { endOffset: 5n }
    await elect()
    expect(await crashed).toMatchObject({
      name: 'OffsetOutOfRangeError',
      code: 'OFFSET_OUT_OF_RANGE',
      offset: 10,
      message: "log-0 was truncated to offset 5, before offset 10, and autoOffsetReset is 'none'",
    })
  })

  it.each([
    ['by itself', 'auto'],
    ['when it was asked to', 'asked'],
    ['in a transaction', 'transaction'],
  ] as const)(
    'is begun by a member where that ends in it which one before it had read, and committed %s',
    async (_how, how) => {
      const { cluster, elect } = await tenRecords()
      const options = { groupId: 'g', topics: ['log'], autoOffsetReset: 'earliest' } as const
      const before = cluster.consumer({ ...options, autoCommit: how === 'auto' })
      await pollTen(before)
      if (how === 'asked') await before.commit([{ topic: 'log', partition: 0, offset: 8 }])
      if (how === 'transaction')
        await cluster.producer({ transactionalId: 'tx' }).transaction(tx => tx.sendOffsets(before))
      await before.close()
      const tp = { topic: 'log', partition: 0 } as const
      const from = how === 'asked' ? 8 : 10
      leader.ends = { endOffset: 5n }
      await elect()
      const { consumer, seen, resets } = await running(cluster, options)
      expect(await consumer.committed(tp)).toEqual({ offset: from })
      await until(() => expect(seen).toEqual(numbers(5, 5)))
      expect(resets).toEqual([{ from, to: 5, reason: 'truncated' }])
      await consumer.close()
      expect(await cluster.admin.listGroupOffsets('g')).toEqual([{ ...tp, offset: 10 }])
    },
  )

  it('is begun where that ends in it also after one has committed what it had not begun to read yet', async () => {
    const { cluster, elect } = await tenRecords()
    const options = { groupId: 'g', topics: ['log'], autoOffsetReset: 'earliest' } as const
    const before = cluster.consumer(options)
    await pollTen(before)
    await before.close()
    const between: Consumer = cluster.consumer({
      ...options,
      autoCommit: false,
      onAssigned: () => between.commit(),
    })
    await between.run({ eachRecord: () => {} })
    await between.ready()
    await between.close()
    leader.ends = { endOffset: 5n }
    await elect()
    const { seen, resets } = await running(cluster, options)
    await until(() => expect(resets).toEqual([{ from: 10, to: 5, reason: 'truncated' }]))
    await until(() => expect(seen).toEqual(numbers(5, 5)))
  })

  it('is gone on with from where what was read ends in it by a reader that starts anew', async () => {
    const { cluster, elect } = await tenRecords()
    const reader = cluster.consumer({ topics: ['log'], from: 'beginning' })
    const resets = resetsOf(reader)
    const seen: unknown[] = []
    await reader.run({
      retry: { attempts: 1 },
      onFailure: 'restart',
      eachRecord: async ({ value }) => {
        seen.push(value)
        if (seen.length !== 8) return
        leader.ends = { endOffset: 5n }
        await elect()
        throw new Error('not now')
      },
    })
    await until(() => expect(seen).toEqual([...numbers(8), ...numbers(5, 5)]))
    expect(resets).toEqual([{ from: 7, to: 5, reason: 'truncated' }])
  })

  it('is sent back from where what was sent back before ends in it, where it is one of dead letters', async () => {
    const { broker, cluster, elect } = await tenRecords()
    const options = { from: 'log', to: 'orders' } as const
    expect(await cluster.redrive(options)).toBe(10)
    leader.ends = { endOffset: 5n }
    await elect()
    await sendNumbers(broker, 'log', 3)
    expect(await cluster.redrive(options)).toBe(8)
  })

  it('is read anew where it was only fetched, and not read', async () => {
    const { cluster, elect } = await tenRecords()
    const { opened: held, open: free } = gate()
    const consumer = cluster.consumer({ topics: ['log'], from: 'beginning' })
    const resets = resetsOf(consumer)
    const seen: unknown[] = []
    await consumer.run({
      eachRecord: async ({ value }) => {
        seen.push(value)
        if (value === 3) await held
      },
    })
    await until(() => expect(seen).toEqual(numbers(4)))
    leader.ends = { endOffset: 5n }
    await elect()
    await until(() => expect(leader.asked).toBeGreaterThan(0))
    free()
    await until(() => expect(seen).toEqual(numbers(10)))
    expect(resets).toEqual([])
  })

  it('is read from where a seek went while its leader was asked, if it has that', async () => {
    const { cluster, elect } = await tenRecords()
    const { opened: held, open: free } = gate()
    const { consumer, seen, resets } = await running(cluster, { topics: ['log'], from: 'beginning' })
    await until(() => expect(seen).toEqual(numbers(10)))
    leader.ends = { endOffset: 5n }
    leader.held = held
    await elect()
    await until(() => expect(leader.asked).toBeGreaterThan(0))
    consumer.seek({ topic: 'log', partition: 0 }, 3)
    free()
    await until(() => expect(seen).toEqual([...numbers(10), ...numbers(7, 3)]))
    expect(resets).toEqual([])
  })

  it('is reset by the policy where its leader knows nothing of the epoch', async () => {
    const { cluster, elect } = await tenRecords()
    const { seen, resets } = await running(cluster, {
      topics: ['log'],
      autoOffsetReset: 'latest',
      from: 'beginning',
    })
    await until(() => expect(seen).toEqual(numbers(10)))
    leader.ends = { leaderEpoch: -1, endOffset: -1n }
    await elect()
    await until(() => expect(resets).toEqual([{ from: 10, to: 10, reason: 'out of range' }]))
    await sendNumbers(cluster, 'log', 1)
    await until(() => expect(seen).toEqual([...numbers(10), 0]))
    expect(leader.asked).toBe(1)
  })

  it('ends a bounded read at its end of now', async () => {
    const { cluster, elect } = await tenRecords()
    const reader = cluster.consumer({ topics: ['log'], from: 'beginning', until: 'end', maxPollRecords: 8 })
    expect(values(await reader.poll({ timeoutMs: 30_000 }))).toEqual(numbers(8))
    leader.ends = { endOffset: 5n }
    const end = vi.spyOn(OffsetLookup.prototype, 'offsetFor').mockResolvedValue(7)
    try {
      await elect()
      await until(() => expect(leader.asked).toBeGreaterThan(0))
      expect(values(await reader.poll({ timeoutMs: 30_000 }))).toEqual([5, 6])
      expect(await reader.poll({ timeoutMs: 30_000 })).toEqual([])
      await reader.done
    } finally {
      end.mockRestore()
    }
  })
})

it('asks once where a log has kept its end, and reads on', async () => {
  const { cluster, elect } = await tenRecords()
  const { seen, resets } = await running(cluster, { topics: ['log'], from: 'beginning' })
  await until(() => expect(seen).toEqual(numbers(10)))
  expect(leader.asked).toBe(0)
  await elect()
  await sendNumbers(cluster, 'log', 3)
  await until(() => expect(seen).toEqual([...numbers(10), ...numbers(3)]))
  expect(leader.asked).toBeGreaterThan(0)
  expect(resets).toEqual([])
})

it('asks nothing, and reads on, where the cluster does not tell where epochs end', async () => {
  leader.version = 99
  const { cluster, elect } = await tenRecords()
  const { seen } = await running(cluster, { topics: ['log'], from: 'beginning' })
  await until(() => expect(seen).toEqual(numbers(10)))
  await elect()
  await sendNumbers(cluster, 'log', 3)
  await until(() => expect(seen).toEqual([...numbers(10), ...numbers(3)]))
  expect(leader.asked).toBe(0)
})
