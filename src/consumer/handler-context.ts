import type { ConsumerControl } from './consumer-control.ts'
import type { Liveness } from './liveness.ts'
import type { PartitionState } from './partition-state.ts'
import type { RecordContext } from './run-options.ts'

/** What a handler gets beside its record: of one partition and one attempt. */
export class HandlerContext implements RecordContext {
  readonly consumer: ConsumerControl
  readonly attempt: number
  readonly #state: PartitionState
  readonly #liveness: Liveness

  constructor(consumer: ConsumerControl, state: PartitionState, liveness: Liveness, attempt: number) {
    this.consumer = consumer
    this.attempt = attempt
    this.#state = state
    this.#liveness = liveness
  }

  get signal(): AbortSignal {
    return this.#state.signal
  }

  // Bound, because handlers take it out of the context: ({ records }, { heartbeat }) => ...
  get heartbeat(): () => void {
    return () => {
      if (this.#state.busy && this.#state.phase !== 'gone') this.#liveness.begin()
    }
  }
}
