import type { ConsumerControl } from './consumer-control.ts'
import type { Pulse } from './liveness.ts'
import type { PartitionState } from './partition-state.ts'
import type { RecordContext } from './run-options.ts'

/** What a handler gets beside its record: of one partition and one attempt. */
export class HandlerContext implements RecordContext {
  readonly consumer: ConsumerControl
  readonly attempt: number
  readonly #state: PartitionState
  readonly #pulse: Pulse

  constructor(consumer: ConsumerControl, state: PartitionState, pulse: Pulse, attempt: number) {
    this.consumer = consumer
    this.attempt = attempt
    this.#state = state
    this.#pulse = pulse
  }

  get signal(): AbortSignal {
    return this.#state.signal
  }

  // Bound, because handlers take it out of the context: ({ records }, { heartbeat }) => ...
  get heartbeat(): () => void {
    return () => {
      if (this.#state.busy && this.#state.phase !== 'gone') this.#pulse.begin()
    }
  }
}
