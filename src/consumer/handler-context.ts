import type { ConsumedOffsets, OffsetSource } from '../offset-source.ts'
import type { ConsumerControl } from './consumer-control.ts'
import type { ConsumerCoordinator } from './consumer-coordinator.ts'
import type { PartitionState } from './partition-state.ts'
import type { RecordContext } from './run-options.ts'

/** What a handler gets beside its record: of one partition and one attempt. */
export class HandlerContext implements RecordContext, OffsetSource {
  readonly consumer: ConsumerControl
  readonly attempt: number
  readonly #state: PartitionState
  readonly #coordinator: ConsumerCoordinator

  constructor(
    consumer: ConsumerControl,
    state: PartitionState,
    coordinator: ConsumerCoordinator,
    attempt: number,
  ) {
    this.consumer = consumer
    this.attempt = attempt
    this.#state = state
    this.#coordinator = coordinator
  }

  get signal(): AbortSignal {
    return this.#state.signal
  }

  // Bound, because handlers take it out of the context: ({ records }, { heartbeat }) => ...
  get heartbeat(): () => void {
    return () => {
      if (this.#state.busy && this.#state.phase !== 'gone') this.#coordinator.liveness.begin()
    }
  }

  /** What its handler finishes: the record or batch in hand. @internal */
  consumedOffsets(): ConsumedOffsets {
    return this.#coordinator.consumed([{ state: this.#state, offset: this.#state.position }])
  }
}
