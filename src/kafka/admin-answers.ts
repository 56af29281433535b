import { hasCode, isUnanswered } from './cluster-error.ts'
import { mayBeHeard } from './connections.ts'
import type { Coded } from './library-messages.ts'

/** Whether another attempt can help: a missing topic is a final answer where the topic must exist already. */
export function isTransient(error: unknown): boolean {
  return !hasCode(error, 'UNKNOWN_TOPIC_OR_PARTITION')
}

/** Whether an attempt that has failed may have done what it was for: only its answer is missing. */
export function mayBeDone(error: unknown): boolean {
  return isUnanswered(error) && mayBeHeard(error)
}

/** Resolves with undefined where what was looked up does not exist. */
export async function ifThere<T>(found: Promise<T>): Promise<T | undefined> {
  try {
    return await found
  } catch (error) {
    if (isTransient(error)) throw error
    return undefined
  }
}

/** Reads the answer about the only thing that was asked for. */
export function codedBy<Name extends string>(name: Name) {
  type Response = { readonly [Key in Name]: readonly Coded[] }
  return {
    errno: (response: Response) => response[name][0]?.errorCode ?? 0,
    message: (response: Response) => response[name][0]?.errorMessage,
  }
}
