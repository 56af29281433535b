import type { Clock } from '../../clock.ts'
import type { Partition, PartitionReader } from '../../log/partition.ts'
import { setClientTimer } from '../client-timer.ts'
import type { Cluster } from '../cluster/cluster.ts'
import type { SharePartitions } from './share-partitions.ts'

/** What a share fetch that waits needs of its broker. */
export interface ShareWaitHost {
  readonly engine: { readonly clock: Clock }
  readonly cluster: Pick<Cluster, 'listeners'>
}

/**
 * Waits up to `maxWaitMs` milliseconds for records to acquire. Looks again after appends and releases, once for all of
 * one turn, and gives up when leaders have moved. Resolves with whether there were enough.
 */
export function untilShared(
  { engine, cluster }: ShareWaitHost,
  partitions: Pick<SharePartitions, 'listeners'>,
  logs: readonly Pick<Partition, 'addReader' | 'removeReader'>[],
  { maxWaitMs, signal }: { readonly maxWaitMs: number; readonly signal: AbortSignal },
  enough: () => boolean,
): Promise<boolean> {
  return new Promise(resolve => {
    let looking = false
    let ended = false
    const look = () => {
      if (looking) return
      looking = true
      engine.clock.turn().then(() => {
        looking = false
        if (!ended && enough()) end(true)
      })
    }
    const reader: PartitionReader = { signal: look }
    const giveUp = () => end(false)
    const end = (found: boolean) => {
      ended = true
      for (const log of logs) log.removeReader(reader)
      partitions.listeners.delete(look)
      cluster.listeners.delete(giveUp)
      timer.cancel()
      signal.removeEventListener('abort', giveUp)
      resolve(found)
    }
    const timer = setClientTimer(engine.clock, giveUp, maxWaitMs, 'a share fetch that waits')
    signal.addEventListener('abort', giveUp, { once: true })
    partitions.listeners.add(look)
    cluster.listeners.add(giveUp)
    for (const log of logs) log.addReader(reader)
  })
}
