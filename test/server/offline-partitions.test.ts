import { describe, expect, it } from 'vitest'
import { apis } from '../../src/server/protocol/apis.ts'
import type { Api } from '../../src/server/protocol/message.ts'
import { clusterScenes, errors } from './cluster-scene.ts'

const cluster = clusterScenes()

const orders = { name: 'orders', assigned: [[2, 3]] }

describe('a broker that stops', () => {
  it('leaves the replicas in sync, the next of which leads; it comes back in sync and leads again', async () => {
    const { create, stateOf, stop, start } = await cluster()
    await create(orders)
    expect(await stateOf('orders')).toEqual({ leader: 2, epoch: 0, isr: [2, 3], offline: [], errorCode: 0 })
    await stop(1)
    expect(await stateOf('orders')).toEqual({ leader: 2, epoch: 0, isr: [2, 3], offline: [], errorCode: 0 })
    await stop(2)
    await start(1)
    expect(await stateOf('orders')).toEqual({ leader: 3, epoch: 1, isr: [3], offline: [2], errorCode: 0 })
    await start(2)
    expect(await stateOf('orders')).toEqual({ leader: 2, epoch: 2, isr: [2, 3], offline: [], errorCode: 0 })
  })

  it('is followed in the order of the replicas, and only the preferred leader takes over from others', async () => {
    const { create, stateOf, stop, start } = await cluster({ brokers: 4 })
    await create({ name: 'orders', assigned: [[4, 2, 1]] })
    await stop(4)
    expect(await stateOf('orders')).toMatchObject({ leader: 2, epoch: 1 })
    await stop(2)
    expect(await stateOf('orders')).toMatchObject({ leader: 1, epoch: 2 })
    await start(2)
    expect(await stateOf('orders')).toMatchObject({ leader: 1, epoch: 2, isr: [2, 1] })
    await start(4)
    expect(await stateOf('orders')).toMatchObject({ leader: 4, epoch: 3, isr: [4, 2, 1] })
  })

  it('leaves its partitions offline if nobody else has them, until it is back', async () => {
    const { broker, create, server, stateOf, stop, start } = await cluster()
    await create({ name: 'orders', assigned: [[2]] })
    await stop(2)
    expect(await stateOf('orders')).toEqual({
      leader: -1,
      epoch: 1,
      isr: [],
      offline: [2],
      errorCode: errors.leaderNotAvailable,
    })
    expect(server.leaderOf({ topic: 'orders', partition: 0 })).toBeUndefined()
    // The log is there for the process.
    await broker.producer().send({ topic: 'orders', value: 1 })
    expect(broker.topic('orders').records()).toHaveLength(1)
    await start(2)
    expect(await stateOf('orders')).toEqual({ leader: 2, epoch: 2, isr: [2], offline: [], errorCode: 0 })
    expect(server.leaderOf({ topic: 'orders', partition: 0 })!.nodeId).toBe(2)
  })
})

describe('a partition that is offline', () => {
  it('is refused by every broker, with the epoch and without a leader', async () => {
    const { ask, broker, create, produce, stop } = await cluster()
    await create({ name: 'orders', assigned: [[2]] })
    await stop(2)
    for (const nodeId of [1, 3]) {
      expect(await produce('orders', nodeId)).toBe(errors.notLeaderOrFollower)
      const fetched = await ask(
        apis.fetch as Api,
        16,
        {
          maxWaitMs: 1000,
          minBytes: 1,
          topics: [
            {
              topicId: broker.topic('orders').id,
              partitions: [{ partition: 0, fetchOffset: 0, partitionMaxBytes: 1000 }],
            },
          ],
        },
        nodeId,
      )
      expect(fetched.nodeEndpoints).toEqual([])
      expect(fetched.responses[0].partitions).toMatchObject([
        { errorCode: errors.notLeaderOrFollower, currentLeader: { leaderId: -1, leaderEpoch: 1 } },
      ])
      const listed = await ask(
        apis.listOffsets as Api,
        7,
        { topics: [{ name: 'orders', partitions: [{ partitionIndex: 0, timestamp: -1 }] }] },
        nodeId,
      )
      expect(listed.topics[0].partitions[0].errorCode).toBe(errors.notLeaderOrFollower)
    }
  })

  it('waits for the last broker that was in sync, however many others start before', async () => {
    const { create, stateOf, stop, start } = await cluster()
    await create(orders)
    await stop(3, 2)
    await start(3)
    expect(await stateOf('orders')).toMatchObject({ leader: -1, epoch: 1, isr: [] })
    await start(2)
    expect(await stateOf('orders')).toMatchObject({ leader: 2, epoch: 2, isr: [2, 3] })
  })

  it('waits for nobody with unclean.leader.election.enable', async () => {
    const { create, stateOf, stop, start } = await cluster()
    await create({ ...orders, configs: { 'unclean.leader.election.enable': 'true' } })
    await stop(3, 2)
    await start(3)
    expect(await stateOf('orders')).toMatchObject({ leader: 3, isr: [3] })
  })
})

describe('min.insync.replicas', () => {
  const three = { name: 'orders', assigned: [[1, 2, 3]], configs: { 'min.insync.replicas': '2' } }

  it('refuses writes that ask for all replicas, and no others, while too few are in sync', async () => {
    const { broker, create, produce, stop, start } = await cluster()
    await create(three)
    await stop(3)
    expect(await produce('orders', 1)).toBe(0)
    await stop(2)
    expect(await produce('orders', 1)).toBe(errors.notEnoughReplicas)
    expect(await produce('orders', 1, 1)).toBe(0)
    expect(broker.topic('orders').records()).toHaveLength(2)
    await start(2)
    expect(await produce('orders', 1)).toBe(0)
  })

  it('is no more than a partition has replicas, and may be said for all topics', async () => {
    const { ask, create, produce, stop } = await cluster()
    await ask(apis.incrementalAlterConfigs as Api, 1, {
      resources: [
        {
          resourceType: 4,
          resourceName: '',
          configs: [{ name: 'min.insync.replicas', configOperation: 0, value: '3' }],
        },
      ],
    })
    await create({ name: 'single', assigned: [[1]] })
    await create({ name: 'all', assigned: [[1, 2, 3]] })
    expect([await produce('single', 1), await produce('all', 1)]).toEqual([0, 0])
    await stop(3)
    expect([await produce('single', 1), await produce('all', 1)]).toEqual([0, errors.notEnoughReplicas])
  })
})
