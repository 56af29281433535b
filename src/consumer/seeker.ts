import type { Engine } from '../engine.ts'
import { isRetriable } from '../errors.ts'
import type { MaybePromise } from '../maybe-promise.ts'
import type { IsolationLevel } from '../record.ts'
import type { OffsetSpec } from '../topic-partition.ts'
import type { ConsumerLifecycle } from './consumer-lifecycle.ts'
import type { PartitionState } from './partition-state.ts'
import { lookAgainMs } from './start-positions.ts'

/** Moves the positions of one consumer's partitions. */
export class Seeker {
  readonly #engine: Engine
  readonly #isolationLevel: IsolationLevel
  readonly #lifecycle: ConsumerLifecycle

  constructor(engine: Engine, isolationLevel: IsolationLevel, lifecycle: ConsumerLifecycle) {
    this.#engine = engine
    this.#isolationLevel = isolationLevel
    this.#lifecycle = lifecycle
  }

  /** Moves a position at once, or as soon as the engine has answered where to. */
  seek(state: PartitionState, to: OffsetSpec): void {
    state.timesSought++
    const offset = this.#offsetOf(state, to)
    if (typeof offset === 'number') return this.#moveTo(state, offset)
    void this.#moveLater(state, to, offset)
  }

  #offsetOf(state: PartitionState, to: OffsetSpec): MaybePromise<number> {
    return this.#engine.offsetFor(state, to, this.#isolationLevel)
  }

  // The offset has to be asked for, and again where that fails for now: the topic may have been deleted, and the group
  // then says that the partition is lost.
  async #moveLater(state: PartitionState, to: OffsetSpec, asked: MaybePromise<number>): Promise<void> {
    const { coordinator } = this.#lifecycle
    const seek = state.beginSeek()
    this.#lifecycle.worker?.moved(state)
    const seeks = () => state.seeks(seek) && coordinator.state(state) === state
    let answer: MaybePromise<number> | undefined = asked
    while (seeks()) {
      try {
        // Asked for only here: nobody would look at the answer to a seek that is over.
        const found = await (answer ?? this.#offsetOf(state, to))
        if (seeks()) this.#moveTo(state, found)
      } catch (error) {
        if (!seeks()) return
        if (!isRetriable(error)) return void this.#lifecycle.crash(error)
        answer = undefined
        await this.#engine.clock.sleep(lookAgainMs)
      }
    }
  }

  #moveTo(state: PartitionState, offset: number): void {
    state.moveTo(offset)
    if (this.#lifecycle.restarting) this.#lifecycle.coordinator.sought(state, offset)
    this.#lifecycle.worker?.moved(state)
    this.#engine.touch()
  }
}
