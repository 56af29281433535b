import type { Engine, FetchSession, Membership, PartitionFetch } from '../engine.ts'
import { isRetriable, TimeoutError } from '../errors.ts'
import { isPromise, isThenable, type MaybePromise } from '../maybe-promise.ts'
import type { PartitionState } from './partition-state.ts'
import { lookAgainMs, type StartPositions } from './start-positions.ts'

/** What a partition starter needs of its consumer. */
export interface PartitionStarterHost {
  readonly engine: Engine
  readonly positions: StartPositions
  readonly session: FetchSession<PartitionState>
  /** Whether partitions are read only to their present end. */
  readonly bounded: boolean
  /** Tells why partitions that are tried again could not be read for long. */
  failing(error: unknown): void
  /** The consumer cannot go on. */
  fatal(error: unknown): void
}

/** Looks up where to begin in partitions, and begins to read them; later those whose position is not known yet. */
export class PartitionStarter {
  readonly #host: PartitionStarterHost
  readonly #underWay = new Set<PartitionState>()
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
    const found = this.#host.positions.lookUp(state, membership)
    if (!isThenable(found)) return
    this.#underWay.add(state)
    return Promise.resolve(found).finally(() => this.#underWay.delete(state))
  }

  /** Begins to read those of the partitions that have a position. */
  start(states: readonly PartitionState[]): MaybePromise<void> {
    const wanted = states.filter(({ phase, positioned }) => phase === 'assigned' && positioned)
    return this.#forEach(wanted, state => this.#start(state))
  }

  #start(state: PartitionState): MaybePromise<void> {
    const fetch = this.#host.session.start(state)
    return isPromise(fetch) ? fetch.then(started => this.#read(state, started)) : this.#read(state, fetch)
  }

  #read(state: PartitionState, fetch: PartitionFetch): void {
    // The partition may be gone again by now.
    if (state.phase !== 'assigned') return fetch.stop()
    state.fetch = fetch
    state.phase = 'active'
    if (this.#host.bounded) state.until ??= state.end
  }

  /** Tries again later, and as often as it takes, with the partitions that are assigned and could not be read yet. */
  lookAgain(states: readonly PartitionState[], membership: Membership): void {
    const left = states.filter(({ phase }) => phase === 'assigned')
    if (left.length === 0) return
    const look = async () => {
      const wanted = left.filter(({ phase }) => phase === 'assigned')
      const unknown = wanted.filter(state => !state.positioned && !this.#underWay.has(state))
      await this.lookUp(unknown, membership)
      await this.start(wanted)
      this.lookAgain(wanted, membership)
      this.#host.engine.touch()
    }
    const { clock } = this.#host.engine
    clock.setTimer(() => look().catch(error => this.#host.fatal(error)), lookAgainMs, {
      name: 'looking again',
    })
  }

  // All at once, so that an engine that asks a cluster can ask for all of them together. A partition that cannot be
  // looked up now, or whose topic was deleted, of which the group tells, does not keep the others waiting.
  #forEach(
    states: readonly PartitionState[],
    step: (state: PartitionState) => MaybePromise<void>,
  ): MaybePromise<void> {
    const steps = states.map(state => attempt(step, state))
    if (!steps.some(isThenable)) return
    return Promise.all(steps.map(each => Promise.resolve(each).catch(error => this.#pass(error)))).then(
      () => {},
    )
  }

  #pass(error: unknown): void {
    if (!isRetriable(error)) throw error
    if (!(error instanceof TimeoutError) || error === this.#told) return
    this.#told = error
    this.#host.failing(error)
  }
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
