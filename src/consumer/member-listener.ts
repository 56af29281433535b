import type { AssignmentUpdate, MembershipListener } from '../engine.ts'
import type { BrokerletError } from '../errors.ts'
import type { IsolationLevel } from '../record.ts'

/**
 * Hears what a group says to one membership, for as long as that is the consumer's: an engine may take its time to leave, and
 * what the group says meanwhile is not said to the membership that comes after.
 */
export class MemberListener implements MembershipListener {
  readonly autoCommit: boolean
  readonly autoOffsetReset: 'earliest' | 'latest' | 'none'
  readonly isolationLevel: IsolationLevel
  #listener: MembershipListener | undefined

  constructor(listener: MembershipListener) {
    this.autoCommit = listener.autoCommit
    this.autoOffsetReset = listener.autoOffsetReset
    this.isolationLevel = listener.isolationLevel
    this.#listener = listener
  }

  assignmentChanged(update: AssignmentUpdate): void {
    this.#listener?.assignmentChanged(update)
  }

  fenced(error: BrokerletError): void {
    this.#listener?.fenced(error)
  }

  position(topic: string, partition: number): number | undefined {
    return this.#listener?.position(topic, partition)
  }

  /** The membership is the consumer's no more. */
  mute(): void {
    this.#listener = undefined
  }
}
