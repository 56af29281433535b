import { CommitFailedError, isBrokerletError, isError } from '../errors.ts'
import type { TopicMap } from '../topic-definition.ts'
import { currentService } from './service.ts'
import { TestBroker, type TestBrokerOptions } from './test-broker.ts'
import type { TestConsumer } from './test-consumer.ts'

/** The error of a fault that a simulation has put in somebody's way. */
export class SimulatedFaultError extends Error {
  constructor(what: string) {
    super(`simulated: ${what} fails`)
    this.name = 'SimulatedFaultError'
  }
}

/** Whether an error is, or goes back to, a fault of the simulation, or what comes of being removed or closed. */
export function isExpected(error: unknown): boolean {
  for (let cause = error; isError(cause); cause = cause.cause) {
    if (cause instanceof SimulatedFaultError || cause instanceof CommitFailedError) return true
    if (isClosed(cause)) return true
  }
  return false
}

/** Whether somebody was told that what they use is closed. */
export function isClosed(error: unknown): boolean {
  return isBrokerletError(error) && error.code === 'CLOSED'
}

const nothing = () => {}

const warned = ['restarting', 'skipped', 'crashed', 'deadLettered', 'parked', 'stalled'] as const

/** A broker that knows which instance of a service does what. */
export class SimulatedBroker<out Topics extends TopicMap> extends TestBroker<Topics> {
  readonly #failed: (error: unknown) => void

  /** `failed` hears of every error that nobody had to expect. */
  constructor(options: TestBrokerOptions<Topics>, failed: (error: unknown) => void) {
    super(options)
    this.#failed = failed
    this.on('error', error => this.#judge(error))
    this.on('recordsDropped', nothing)
  }

  #judge(error: unknown): void {
    if (!isExpected(error) && !this.#failedWith(error)) this.#failed(error)
  }

  // What a handler threw while its partition was given up is only told; the record comes again, as after any failure.
  #failedWith(error: unknown): boolean {
    return this.timeline
      .ofKind('failed')
      .some(({ error: thrown }) => thrown === error || (isError(thrown) && thrown.cause === error))
  }

  protected override get silenced(): boolean {
    return currentService()?.dead ?? false
  }

  // The timeline has what these tell; the process is not to be warned of what a simulation is made of.
  protected override consumerMade(consumer: TestConsumer): void {
    for (const name of warned) consumer.on(name, nothing)
    const service = currentService()
    consumer.on('error', error => {
      if (!service?.dead) this.#judge(error)
    })
    service?.made(consumer)
    // Made by code that goes on although its process has died.
    if (service?.dead) this.crash(consumer)
  }
}
