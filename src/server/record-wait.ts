import type { Clock } from '../clock.ts'
import type { Partition, PartitionReader } from '../log/partition.ts'
import { setClientTimer } from './client-timer.ts'

type Listeners = Pick<Set<() => void>, 'add' | 'delete'>

/** What a fetch waits for, and how long. */
export interface RecordWait {
  readonly clock: Clock
  readonly logs: Iterable<Pick<Partition, 'addReader' | 'removeReader'>>
  readonly maxWaitMs: number
  readonly signal: AbortSignal
  /** Those who are told, beside the readers of the logs, that there may be more. */
  readonly released?: Listeners
  /** Those who are told that leaders have moved: then it gives up. */
  readonly moved?: Listeners
}

/**
 * Waits for records to answer a fetch with. Looks again after appends and releases, once for all of one turn. Resolves
 * with whether there were enough.
 */
export function untilEnough(wait: RecordWait, enough: () => boolean): Promise<boolean> {
  const { clock, logs, maxWaitMs, signal, released, moved } = wait
  return new Promise(resolve => {
    let looking = false
    let ended = false
    const look = () => {
      if (looking) return
      looking = true
      clock.turn().then(() => {
        looking = false
        if (!ended && enough()) end(true)
      })
    }
    const reader: PartitionReader = { signal: look }
    const giveUp = () => end(false)
    const end = (found: boolean) => {
      ended = true
      for (const log of logs) log.removeReader(reader)
      released?.delete(look)
      moved?.delete(giveUp)
      timer.cancel()
      signal.removeEventListener('abort', giveUp)
      resolve(found)
    }
    const timer = setClientTimer(clock, giveUp, maxWaitMs, 'a fetch that waits')
    signal.addEventListener('abort', giveUp, { once: true })
    released?.add(look)
    moved?.add(giveUp)
    for (const log of logs) log.addReader(reader)
  })
}
