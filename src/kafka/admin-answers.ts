import { hasCode } from './cluster-error.ts'
import type { Coded } from './library-messages.ts'

/** Whether another attempt can help: a missing topic is a final answer where the topic must exist already. */
export function isTransient(error: unknown): boolean {
  return !hasCode(error, 'UNKNOWN_TOPIC_OR_PARTITION')
}

/** Reads the answer about the only thing that was asked for. */
export function codedBy<Name extends string>(name: Name) {
  type Response = { readonly [Key in Name]: readonly Coded[] }
  return {
    errno: (response: Response) => response[name][0]?.errorCode ?? 0,
    message: (response: Response) => response[name][0]?.errorMessage,
  }
}
