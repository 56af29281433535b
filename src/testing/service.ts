import { AsyncLocalStorage } from 'node:async_hooks'
import type { ServiceInstance } from './scenario.ts'
import type { TestConsumer } from './test-consumer.ts'

// Whatever an instance does, now or later, in its handlers, too, is done in its own async context.
const current = new AsyncLocalStorage<RunningService>()

/** The instance that this code belongs to, or undefined outside of all. */
export function currentService(): RunningService | undefined {
  return current.getStore()
}

/** An instance of a service under simulation, with what it has made. */
export class RunningService implements ServiceInstance {
  readonly name: string
  readonly service: string
  /** It crashed: it reaches nobody any more. */
  dead = false
  /** It was asked to stop; its name is its own until it has. */
  stopping = false
  stopped = false
  readonly #consumers: TestConsumer[] = []
  readonly #ended = new Set<TestConsumer>()
  #crashed = false
  #started: Promise<unknown> = Promise.resolve()

  constructor(service: string, name: string) {
    this.service = service
    this.name = name
  }

  /** Runs its code; `failed` hears of an error. */
  start(code: () => unknown, failed: (error: unknown) => void): void {
    this.#started = current.run(this, async () => code()).catch(failed)
  }

  /** It has made a consumer. */
  made(consumer: TestConsumer): void {
    this.#consumers.push(consumer)
    const ended = () => void this.#ended.add(consumer)
    consumer.done.then(ended, () => {
      ended()
      this.#crashed = true
    })
  }

  /** Whether it is there to do its work: nothing of it has crashed, and it is in its groups, where it was in any. */
  get live(): boolean {
    if (this.dead || this.stopping || this.#crashed) return false
    // A reader by itself may come to its end, and one that was only needed for a while be closed.
    const members = this.#consumers.filter(({ client }) => client.group !== undefined)
    return members.length === 0 || members.some(member => !this.#ended.has(member))
  }

  /** Whether somebody who polls has records that it is not done with: no idle knows of these. */
  get inHand(): boolean {
    return this.consumers.some(({ processing }) => processing.inHand)
  }

  get consumers(): readonly TestConsumer[] {
    return this.#consumers.filter(consumer => !this.#ended.has(consumer))
  }

  /** Whether what it has made, ended or not, commits for the group by hand. */
  commitsByHand(group: string): boolean {
    return this.#consumers.some(({ client }) => client.group === group && !client.autoCommit)
  }

  /** Closes what it has made, in order. */
  async stop(): Promise<void> {
    this.stopping = true
    await this.#closeAll()
    // What it makes once it has begun belongs to it, too.
    await this.#started
    await this.#closeAll()
    this.stopped = true
  }

  async #closeAll(): Promise<void> {
    await Promise.race([
      Promise.all(this.consumers.map(consumer => consumer.closeInTurn())),
      // It may die on its way out, and then nobody polls any more.
      Promise.all(this.consumers.map(({ done }) => done.catch(() => {}))),
    ])
  }
}
