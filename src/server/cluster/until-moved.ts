import { isPromise, type MaybePromise } from '../../maybe-promise.ts'
import type { Cluster } from './cluster.ts'

/**
 * Resolves with an answer, or with what `instead` says as soon as leaders or coordinators have moved and `isElsewhere`.
 * So a join or a sync that waits for other members hears where to ask. (Kafka: GroupMetadataManager.onUnloaded)
 */
export function untilMoved(
  { listeners }: Cluster,
  answer: MaybePromise<unknown>,
  isElsewhere: () => boolean,
  instead: () => unknown,
): MaybePromise<unknown> {
  if (!isPromise(answer)) return answer
  return new Promise((resolve, reject) => {
    const move = () => {
      if (isElsewhere()) resolve(instead())
    }
    listeners.add(move)
    answer.finally(() => listeners.delete(move)).then(resolve, reject)
  })
}
