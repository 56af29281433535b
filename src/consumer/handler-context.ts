import { IllegalStateError } from '../errors.ts'
import type { ConsumedOffsets, OffsetSource } from '../offset-source.ts'
import { duration, requireArgument } from '../validate.ts'
import type { ConsumerControl } from './consumer-control.ts'
import type { ConsumerCoordinator } from './consumer-coordinator.ts'
import type { WorkPulse } from './liveness.ts'
import type { PartitionState, WatchedContext } from './partition-state.ts'
import type { Pauses } from './pauses.ts'
import type { Work } from './work.ts'

/** What a context needs of its consumer. */
export interface HandlerContextHost {
  readonly control: ConsumerControl
  readonly pauses: Pauses
  readonly coordinator: ConsumerCoordinator
}

/** The context that a handler gets beside its record, for one partition and one attempt. */
export class HandlerContext implements WatchedContext, OffsetSource {
  readonly attempt: number
  readonly #host: HandlerContextHost
  readonly #state: PartitionState
  readonly #pulse: WorkPulse
  // Whether no other handler runs beside this one, so that the position is what this handler finishes.
  readonly #alone: boolean
  #controller: AbortController | undefined
  #over = false

  constructor(
    host: HandlerContextHost,
    state: PartitionState,
    pulse: WorkPulse,
    attempt: number,
    alone: boolean,
  ) {
    this.attempt = attempt
    this.#host = host
    this.#state = state
    this.#pulse = pulse
    this.#alone = alone
  }

  get consumer(): ConsumerControl {
    return this.#host.control
  }

  /** What is in hand, to see after a wait whether it still may be handed out. @internal */
  get inHand(): Pick<Work, 'state' | 'version'> {
    return { state: this.#state, version: this.#state.version }
  }

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = this.#state.abortController()
      if (this.#over) this.#state.forget(this.#controller)
    }
    return this.#controller.signal
  }

  // A context whose signal was asked for is not used again: listeners of the signal must not outlive the handler.
  get reusable(): boolean {
    return this.#controller === undefined && this.#alone && this.attempt === 1
  }

  end(): void {
    this.#over = true
    if (this.#controller !== undefined) this.#state.forget(this.#controller)
  }

  // Bound, because handlers take it out of the context: ({ records }, { heartbeat }) => ...
  get heartbeat(): () => void {
    return () => {
      if (!this.#over && this.#state.busy && this.#state.phase !== 'gone') this.#pulse.beat()
    }
  }

  get pause(): (ms: number) => void {
    return ms => {
      requireArgument('pause', 'ms', ms, duration)
      this.#host.pauses.pause(this.#state, ms)
    }
  }

  /** The offset after the record or batch that the handler has in hand. @internal */
  consumedOffsets(): ConsumedOffsets {
    const { control, coordinator } = this.#host
    if (!this.#alone) {
      throw new IllegalStateError(
        `sendOffsets: beside other handlers a context cannot say what is consumed; ` +
          `it needs concurrency 1 and ordering 'partition'`,
        { groupId: control.groupId },
      )
    }
    return coordinator.committer.consumed([{ state: this.#state, offset: this.#state.position }])
  }
}
