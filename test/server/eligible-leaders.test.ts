import { describe, expect, it } from 'vitest'
import { apis } from '../../src/server/protocol/apis.ts'
import type { Api } from '../../src/server/protocol/message.ts'
import { clusterScenes } from './cluster-scene.ts'

const cluster = clusterScenes()

/** A topic of which two replicas are to be in sync, on these brokers of four. */
async function started(replicas: readonly number[], configs: Readonly<Record<string, string>> = {}) {
  const scene = await cluster({ brokers: 4 })
  const { ask, create } = scene
  await create({ name: 'orders', assigned: [replicas], configs: { 'min.insync.replicas': '2', ...configs } })
  return {
    ...scene,
    /** The leader, the replicas in sync, those that are eligible beside them, and the last leader. */
    async state() {
      const { topics } = await ask(apis.describeTopicPartitions as Api, 0, {
        topics: [{ name: 'orders' }],
        responsePartitionLimit: 10,
        cursor: null,
      })
      const { leaderId, isrNodes, eligibleLeaderReplicas, lastKnownElr } = topics[0].partitions[0]
      return [leaderId, isrNodes, eligibleLeaderReplicas, lastKnownElr]
    },
  }
}

describe('the replicas that leave a partition below min.insync.replicas', () => {
  it('stay eligible to lead, until enough are in sync again', async () => {
    const { state, stop, start } = await started([1, 2, 3])
    await stop(1)
    expect(await state()).toEqual([2, [2, 3], [], []])
    await stop(2)
    expect(await state()).toEqual([3, [3], [2], []])
    await stop(3)
    expect(await state()).toEqual([-1, [], [2, 3], [3]])
    await start(1)
    expect(await state()).toEqual([-1, [], [2, 3], [3]])
    await start(2)
    // All that run are in sync at once, and the preferred leader is there.
    expect(await state()).toEqual([1, [1, 2], [], []])
  })

  it('are eligible no more once one leads that was not', async () => {
    const { state, stop, start } = await started([1, 2, 3], { 'unclean.leader.election.enable': 'true' })
    await stop(1, 2, 3)
    expect(await state()).toEqual([-1, [], [2, 3], [3]])
    await start(1)
    expect(await state()).toEqual([1, [1], [], []])
  })

  it('are eligible still when one of them leads again, while too few are in sync', async () => {
    const { state, stop, start } = await started([1, 2, 3])
    await stop(1, 2, 3)
    await start(3)
    expect(await state()).toEqual([3, [3], [2], []])
  })
})
