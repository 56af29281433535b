import type { Deferred } from '../deferred.ts'
import type { Engine, FetchSession, Membership, PartitionFetch } from '../engine.ts'
import { isRetriable, TimeoutError } from '../errors.ts'
import type { Events } from '../events.ts'
import { isPromise, isThenable, type MaybePromise } from '../maybe-promise.ts'
import type { ConsumerEvents } from './consumer-events.ts'
import type { PartitionState } from './partition-state.ts'
import { lookAgainMs, type StartPositions } from './start-positions.ts'

/** What a partition starter needs of its consumer. */
export interface PartitionStarterHost {
  readonly engine: Engine
  readonly events: Events<ConsumerEvents>
  readonly positions: StartPositions
  readonly session: FetchSession<PartitionState>
  /** Whether partitions are read only to their present end. */
  readonly bounded: boolean
  /** The consumer cannot go on. */
  fatal(error: unknown): void
  /** Says that a bounded read may be complete. */
  caughtUp(): void
}

/** Looks up where to begin in partitions, and begins to read them; later those whose position is not known yet. */
export class PartitionStarter {
  readonly #host: PartitionStarterHost
  // Whose look-up, and whose start, is not answered yet.
  readonly #lookedUp = new Set<PartitionState>()
  readonly #started = new Set<PartitionState>()
  // What was told last: partitions that are looked up together fail with one error.
  #told: unknown

  constructor(host: PartitionStarterHost) {
    this.#host = host
  }

  /** Looks up where to begin. Who does not wait for the answer has `lookAgain` begin there. */
  lookUp(states: readonly PartitionState[], membership: Membership): MaybePromise<void> {
    return this.#forEach(states, state => this.#lookUp(state, membership))
  }

  #lookUp(state: PartitionState, membership: Membership): MaybePromise<void> {
    return whileIn(this.#lookedUp, state, this.#host.positions.lookUp(state, membership))
  }

  /** Begins to read those of the partitions that have a position. Nobody has to wait for the answer. */
  start(states: readonly PartitionState[]): MaybePromise<void> {
    const wanted = states.filter(
      state => state.phase === 'assigned' && state.positioned && !this.#started.has(state),
    )
    return this.#forEach(wanted, state => this.#start(state))
  }

  #start(state: PartitionState): MaybePromise<void> {
    const fetch = this.#host.session.start(state)
    if (!isPromise(fetch)) return this.#read(state, fetch)
    const read = fetch.then(started => this.#read(state, started))
    return whileIn(this.#started, state, read)
  }

  #read(state: PartitionState, fetch: PartitionFetch): void {
    // The partition may be gone again by now.
    if (state.phase !== 'assigned') return fetch.stop()
    state.fetch = fetch
    state.phase = 'active'
    if (this.#host.bounded) state.until ??= state.end
  }

  /**
   * Tries again later, and as often as it takes, with the partitions that are assigned and could not be read yet.
   * Resolves `begun` when none of them is left: some are read from where a seek has moved them, without an answer.
   */
  lookAgain(states: readonly PartitionState[], membership: Membership, begun: Deferred): void {
    const left = states.filter(({ phase }) => phase === 'assigned')
    if (left.length === 0) return begun.resolve()
    const look = () => {
      const beginning = this.#forEach(
        left.filter(state => this.#lacks(state)),
        state => this.#begin(state, membership),
      )
      if (isThenable(beginning)) beginning.catch(error => this.#host.fatal(error))
      this.lookAgain(left, membership, begun)
    }
    this.#host.engine.clock.setTimer(look, lookAgainMs, { name: 'looking again' })
  }

  // Whether it is not read yet, and nothing is done about that. A seek needs no look-up, and waits for none.
  #lacks(state: PartitionState): boolean {
    if (state.phase !== 'assigned') return false
    if (state.positioned) return !this.#started.has(state)
    return !state.sought && !this.#lookedUp.has(state)
  }

  // By itself: one that gets no answer for long keeps no other one waiting.
  async #begin(state: PartitionState, membership: Membership): Promise<void> {
    if (!state.positioned) await this.#lookUp(state, membership)
    await this.start([state])
    // It may be empty: then there is nothing to wake who reads.
    this.#host.caughtUp()
    this.#host.engine.touch()
  }

  // All at once, so that an engine that asks a cluster can ask for all of them together. A partition that cannot be
  // looked up now, or whose topic was deleted, of which the group tells, does not keep the others waiting.
  #forEach(
    states: readonly PartitionState[],
    step: (state: PartitionState) => MaybePromise<void>,
  ): MaybePromise<void> {
    const steps = states.map(state => attempt(step, state))
    if (!steps.some(isThenable)) return
    const passed = steps.map((each, i) => Promise.resolve(each).catch(error => this.#pass(states[i]!, error)))
    return Promise.all(passed).then(() => {})
  }

  #pass({ phase }: PartitionState, error: unknown): void {
    // It was given up, or lost, before the answer came.
    if (phase !== 'assigned') return
    if (!isRetriable(error)) throw error
    if (!(error instanceof TimeoutError) || error === this.#told) return
    this.#told = error
    this.#host.events.emitNow('error', error)
  }
}

function whileIn(
  set: Set<PartitionState>,
  state: PartitionState,
  step: MaybePromise<void>,
): MaybePromise<void> {
  if (!isThenable(step)) return
  set.add(state)
  return Promise.resolve(step).finally(() => set.delete(state))
}

// Turns an error that is thrown at once into a rejection, as one that comes later.
function attempt(
  step: (state: PartitionState) => MaybePromise<void>,
  state: PartitionState,
): MaybePromise<void> {
  try {
    return step(state)
  } catch (error) {
    return Promise.reject(error)
  }
}
