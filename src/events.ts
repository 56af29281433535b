import { EventEmitter } from 'eventemitter3'
import { events } from './diagnostics.ts'
import { InvalidArgumentError } from './errors.ts'
import { isThenable } from './maybe-promise.ts'
import type { Outbox } from './outbox.ts'
import { didYouMean, suggest } from './suggest.ts'
import { describeError, stacksOf } from './thrown.ts'
import { callback, requireArgument } from './validate.ts'
import { describeValue } from './value-text.ts'

/** The names of all events of a map, as values: types are erased, and a misspelt name must be refused at run time. */
export type EventNames<Map> = { readonly [Name in keyof Map]: true }

type Listener<Payload> = (payload: Payload) => unknown
// By event name: one function may listen to several events.
type Guards = Map<string, Listener<unknown>>

/** Typed events that inform and are never awaited; each carries one payload. */
export class Events<Map extends { error: unknown }> {
  readonly #emitter = new EventEmitter()
  // A listener is called through a guard; this finds the guard again when the listener is taken off.
  readonly #guards = new WeakMap<Listener<never>, Guards>()
  readonly #outbox: Outbox
  readonly #source: string
  readonly #owner: object
  readonly #names: EventNames<Map>
  // Whether a listener was ever added: most consumers of a busy program never have one.
  #heard = false
  // Whether an 'error' is being delivered.
  #failing = false

  /** `source` is what warnings call its owner. */
  constructor(names: EventNames<Map>, outbox: Outbox, source: string, owner: object) {
    this.#names = names
    this.#outbox = outbox
    this.#source = source
    this.#owner = owner
  }

  on<Name extends keyof Map & string>(name: Name, listener: Listener<Map[Name]>): void {
    this.#emitter.on(name, this.#guard(name, listener))
  }

  once<Name extends keyof Map & string>(name: Name, listener: Listener<Map[Name]>): void {
    this.#emitter.once(name, this.#guard(name, listener))
  }

  off<Name extends keyof Map & string>(name: Name, listener: Listener<Map[Name]>): void {
    this.#requireName(name)
    const guard = this.#guards.get(listener)?.get(name)
    if (guard) this.#emitter.off(name, guard)
  }

  /** Whether an event has listeners; a hot path asks before it makes a payload. */
  listens(name: keyof Map & string): boolean {
    return this.#heard && this.#emitter.listenerCount(name) > 0
  }

  /** Queues an event. An `error` that nobody listens to becomes a warning of the process. */
  emit<Name extends keyof Map & string>(name: Name, payload: Map[Name]): void {
    this.#publish(name, payload)
    if (name === 'error') this.#outbox.push(() => this.#error(payload))
    else if (this.listens(name)) this.#outbox.push(() => void this.#emitter.emit(name, payload))
  }

  /** The same, and delivers what is queued: for where no call into the core is under way. */
  emitNow<Name extends keyof Map & string>(name: Name, payload: Map[Name]): void {
    this.emit(name, payload)
    this.#outbox.flush()
  }

  #publish<Name extends keyof Map & string>(name: Name, payload: Map[Name]): void {
    if (events.listened) events.publish(this.#source, this.#owner, name, payload)
    const { observer } = this.#outbox
    if (observer !== undefined) this.#outbox.push(() => observer(this.#owner, name, payload))
  }

  /**
   * Emits an event, or warns the process where nobody listens to it: for what must not go unseen. `what` is a sentence
   * of which the owner is the subject, `thrown` what was thrown, if anything.
   */
  emitOrWarn<Name extends keyof Map & string>(
    name: Name,
    payload: Map[Name],
    what: string,
    thrown?: unknown,
  ): void {
    this.emit(name, payload)
    if (!this.listens(name)) warn(`${this.#source} ${what}`, thrown)
  }

  /** Emits what was thrown as an 'error'. Where nobody listens, `what` begins the warning; null is none. */
  emitError(thrown: Map['error'], what: string | null): void {
    this.#publish('error', thrown)
    this.#outbox.push(() => {
      if (this.listens('error')) this.#error(thrown)
      else if (what !== null) warn(`${this.#source} ${what}: ${describeError(thrown)}`, thrown)
    })
  }

  #requireName(name: unknown): asserts name is string {
    if (typeof name === 'string' && Object.hasOwn(this.#names, name)) return
    const known = Object.keys(this.#names)
    const suggestions = typeof name === 'string' ? suggest(name, known) : []
    const help = suggestions.length > 0 ? didYouMean(suggestions) : `; known events: ${known.join(', ')}`
    throw new InvalidArgumentError(`${this.#source} has no event ${describeValue(name)}${help}`, {
      field: 'name',
      received: name,
      suggestions,
    })
  }

  #guard(name: string, listener: Listener<never>): Listener<unknown> {
    this.#requireName(name)
    requireArgument(`on('${name}')`, 'listener', listener, callback)
    this.#heard = true
    const guards = this.#guards.get(listener) ?? new Map()
    this.#guards.set(listener, guards)
    const guard = guards.get(name) ?? this.#guarded(name, listener)
    guards.set(name, guard)
    return guard
  }

  #guarded(name: string, listener: Listener<never>): Listener<unknown> {
    // An 'error' listener that rejects would be called with its own rejection, and reject again.
    const rejected = (thrown: unknown) => (name === 'error' ? this.#warn(thrown) : this.#error(thrown))
    return payload => {
      try {
        const answer = listener(payload as never)
        if (isThenable(answer)) answer.then(undefined, rejected)
      } catch (thrown) {
        this.#error(thrown)
      }
    }
  }

  #error(thrown: unknown): void {
    // What an 'error' listener throws becomes a warning of the process: the same listener is not called with it.
    if (this.#failing || !this.listens('error')) {
      this.#warn(thrown)
      return
    }
    this.#failing = true
    try {
      this.#emitter.emit('error', thrown)
    } finally {
      this.#failing = false
    }
  }

  #warn(thrown: unknown): void {
    warn(`${this.#source}: an error that no 'error' listener handled: ${describeError(thrown)}`, thrown)
  }
}

/**
 * Warns the process once it has finished what it is doing (`process.on('warning')`). Where a handler threw, Node prints
 * the stack as well: only that says which line of a user's program is wrong.
 */
export function warn(text: string, thrown?: unknown): void {
  process.emitWarning(text, { type: 'BrokerletWarning', detail: stacksOf(thrown) })
}
