import { AsyncLocalStorage } from 'node:async_hooks'
import { Deferred } from '../deferred.ts'
import { isBrokerletError } from '../errors.ts'
import { isPromise, type MaybePromise } from '../maybe-promise.ts'
import { neverAnswered } from './never.ts'
import type { ServiceInstance } from './scenario.ts'
import type { TestConsumer } from './test-consumer.ts'

// Everything that an instance does, now or later and also in its handlers, runs in its own async context.
const current = new AsyncLocalStorage<RunningService>()

/** Returns the instance that the running code belongs to, or undefined outside of every instance. */
export function currentService(): RunningService | undefined {
  return current.getStore()
}

/** Whether the error says that the client or the broker is closed. */
export function isClosed(error: unknown): boolean {
  return isBrokerletError(error) && error.code === 'CLOSED'
}

/** An instance of a service under simulation, with the consumers that it has made. */
export class RunningService implements ServiceInstance {
  readonly name: string
  readonly service: string
  /** Called when it has written. */
  onWrite: (() => void) | undefined
  /** It was asked to stop; no other instance takes its name until it has stopped. */
  stopping = false
  stopped = false
  readonly #consumers: TestConsumer[] = []
  readonly #ended = new Set<TestConsumer>()
  readonly #died = new Deferred()
  #crashed = false
  #starts = false
  #started: Promise<unknown> = Promise.resolve()

  constructor(service: string, name: string) {
    this.service = service
    this.name = name
  }

  /** Runs the service's code; `failed` is called with its error. */
  start(code: () => unknown, failed: (error: unknown) => void): void {
    this.#starts = true
    this.#started = current
      .run(this, async () => code())
      .catch(failed)
      .finally(() => {
        this.#starts = false
      })
  }

  /** Whether its code has not come to its end, and none of its consumers has begun to read. */
  get starting(): boolean {
    return this.#starts && this.#consumers.every(({ client }) => client.memberId === undefined)
  }

  /** It crashed: nothing that it still does has any effect, and it hears of nothing more. */
  get dead(): boolean {
    return this.#died.settled
  }

  die(): void {
    this.#died.resolve()
  }

  /** An answer that it hears, unless it is dead by then. */
  heard<T>(answer: Promise<T>): Promise<T> {
    const heard = new Promise<T>((resolve, reject) => {
      answer.then(
        value => {
          if (!this.dead) resolve(value)
        },
        error => {
          if (this.dead) return
          reject(error)
          // Nobody has to look at that: not every service awaits its `run`.
          if (this.stopping && isClosed(error)) heard.catch(() => {})
        },
      )
    })
    return heard
  }

  /** The same for the answer to a write. */
  written<T>(answer: MaybePromise<T>): MaybePromise<T> {
    const wrote = (result: T) => {
      this.onWrite?.()
      return result
    }
    if (isPromise(answer)) return this.heard(answer.then(wrote))
    wrote(answer)
    return this.dead ? neverAnswered() : answer
  }

  /** Notes a consumer that the instance has made. */
  made(consumer: TestConsumer): void {
    this.#consumers.push(consumer)
    const ended = () => void this.#ended.add(consumer)
    consumer.done.then(ended, () => {
      ended()
      this.#crashed = true
    })
  }

  /** Whether it does its work: it has not crashed, is not stopping, and still has a group member if it ever had one. */
  get live(): boolean {
    if (this.dead || this.stopping || this.#crashed) return false
    // A consumer without a group may come to its end, and a member may be closed that was needed only for a while.
    const members = this.#consumers.filter(({ client }) => client.group !== undefined)
    return members.length === 0 || members.some(member => !this.#ended.has(member))
  }

  /** Whether a polling caller has records that it is not done with; `idle` does not know of them. */
  get inHand(): boolean {
    return this.consumers.some(({ processing }) => processing.inHand)
  }

  get consumers(): readonly TestConsumer[] {
    return this.#consumers.filter(consumer => !this.#ended.has(consumer))
  }

  /** Whether one of its consumers, ended or not, commits for the group by hand. */
  commitsByHand(group: string): boolean {
    return this.#consumers.some(({ client }) => client.group === group && !client.autoCommit)
  }

  /** Closes its consumers in order. */
  async stop(): Promise<void> {
    this.stopping = true
    // Its hooks, too, are its own code.
    await Promise.race([current.run(this, () => this.#stop()), this.#died.promise])
  }

  async #stop(): Promise<void> {
    await this.#closeAll()
    // Its code may still make consumers while it starts; they are closed, too.
    await this.#started
    await this.#closeAll()
    this.stopped = true
  }

  async #closeAll(): Promise<void> {
    await Promise.race([
      Promise.all(this.consumers.map(consumer => consumer.closeInTurn())),
      // A consumer may end by itself meanwhile, and then no caller polls any more.
      Promise.all(this.consumers.map(({ done }) => done.catch(() => {}))),
    ])
  }
}
