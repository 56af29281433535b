import { CommitFailedError } from '../errors.ts'
import type { Outbox } from '../events.ts'
import type { Committer } from './committer.ts'
import type { Handover } from './handover.ts'
import type { LastWord } from './last-word.ts'
import type { PartitionStates } from './partition-states.ts'
import type { Reconciler } from './reconciler.ts'

/** What a departure needs of its consumer. */
export interface DepartureHost {
  readonly states: PartitionStates
  readonly handover: Handover
  readonly reconciler: Reconciler
  readonly committer: Committer
  readonly lastWord: LastWord
  readonly outbox: Outbox
}

/** Gives up all partitions of a consumer that leaves. */
export class Departure {
  readonly #host: DepartureHost
  #givingUp: Promise<void> | undefined

  constructor(host: DepartureHost) {
    this.#host = host
  }

  /** Whether partitions are being given up, until `end`. */
  get underWay(): boolean {
    return this.#givingUp !== undefined
  }

  /**
   * Gives all partitions up in order. `deadline` ends the wait for records in flight: nothing that a handler does later
   * counts then. Returns why, or undefined where all was given up in time.
   */
  async giveUp(deadline: Promise<void>): Promise<CommitFailedError | undefined> {
    let expired = false
    // Shared, so that a close during a restart does not give the same partitions up twice.
    this.#givingUp ??= this.#giveUpAll()
    await Promise.race([this.#givingUp, deadline.then(() => (expired = true))])
    return expired ? await this.#abandon(deadline) : undefined
  }

  async #giveUpAll(): Promise<void> {
    const { states, handover, reconciler, outbox } = this.#host
    for (const state of states.all) state.halt('revoking')
    // Partitions that are being given up already must not be given up twice.
    await reconciler.followed
    const held = await handover.handBack(states.all)
    handover.revoked(held)
    outbox.flush()
    // What was lost meanwhile.
    await reconciler.followed
  }

  async #abandon(deadline: Promise<void>): Promise<CommitFailedError> {
    const { lastWord, committer } = this.#host
    const states = this.#host.states.all
    await lastWord.heard(committer.commitFinished(states), deadline)
    const reason = new CommitFailedError(
      'UNKNOWN_MEMBER_ID',
      'The consumer was closed before this record was finished: its close reached its timeoutMs',
    )
    for (const state of states) {
      state.halt('gone')
      state.abort(reason, false)
    }
    return reason
  }

  /** Says that the consumer has left. */
  end(): void {
    this.#givingUp = undefined
  }
}
