import type { AssignmentUpdate, MembershipListener } from '../engine.ts'
import type { BrokerletError } from '../errors.ts'
import type { IsolationLevel } from '../record.ts'

/**
 * Passes on what a group says to one membership, for as long as that is the consumer's. Leaving may take an engine some
 * time, and what the group says meanwhile must not reach the next membership.
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

  /** Says that the membership is no longer the consumer's. */
  mute(): void {
    this.#listener = undefined
  }
}
