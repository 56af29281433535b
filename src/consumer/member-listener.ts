import type { AssignmentUpdate, AutoOffsetReset, MembershipListener } from '../engine.ts'
import type { BrokerletError } from '../errors.ts'
import type { IsolationLevel } from '../record.ts'

/** Who a group speaks to. */
export type Member = Pick<MembershipListener, 'assignmentChanged' | 'fenced' | 'failing' | 'position'>

/**
 * Passes on what a group says to one membership, for as long as that is the consumer's. Leaving may take an engine some
 * time, and what the group says meanwhile must not reach the next membership.
 */
export class MemberListener implements MembershipListener {
  readonly autoCommit: boolean
  readonly autoOffsetReset: AutoOffsetReset
  readonly isolationLevel: IsolationLevel
  #member: Member | undefined

  constructor(
    options: Pick<MembershipListener, 'autoCommit' | 'autoOffsetReset' | 'isolationLevel'>,
    member: Member,
  ) {
    this.autoCommit = options.autoCommit
    this.autoOffsetReset = options.autoOffsetReset
    this.isolationLevel = options.isolationLevel
    this.#member = member
  }

  assignmentChanged(update: AssignmentUpdate): void {
    this.#member?.assignmentChanged(update)
  }

  fenced(error: BrokerletError): void {
    this.#member?.fenced(error)
  }

  failing(error: BrokerletError): void {
    this.#member?.failing?.(error)
  }

  position(topic: string, partition: number): number | undefined {
    return this.#member?.position(topic, partition)
  }

  get muted(): boolean {
    return this.#member === undefined
  }

  /** Says that the membership is no longer the consumer's. */
  mute(): void {
    this.#member = undefined
  }
}
