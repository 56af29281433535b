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

  heartbeat(): void {
    if (this.#state.busy) this.#liveness.begin()
  }
}
