import type { SleepClock } from '../clock.ts'
import { CommitFailedError } from '../errors.ts'
import type { MaybePromise } from '../maybe-promise.ts'
import { isError } from '../thrown.ts'
import type { TopicMap } from '../topic-definition.ts'
import { currentService, isClosed } from './service.ts'
import { SimulatedClock } from './simulated-clock.ts'
import { TestBroker, type TestBrokerOptions } from './test-broker.ts'
import type { TestConsumer } from './test-consumer.ts'

/** The error of a fault that a simulation has injected. */
export class SimulatedFaultError extends Error {
  constructor(what: string) {
    super(`simulated: ${what} fails`)
    this.name = 'SimulatedFaultError'
  }
}

/** Whether an error is, or was caused by, an injected fault, a refused commit, or a closed client or broker. */
export function isExpected(error: unknown): boolean {
  for (let cause = error; isError(cause); cause = cause.cause) {
    if (cause instanceof SimulatedFaultError || cause instanceof CommitFailedError) return true
    if (isClosed(cause)) return true
  }
  return false
}

const nothing = () => {}

const warned = ['restarting', 'skipped', 'crashed', 'deadLettered', 'parked', 'stalled', 'lost'] as const

/** A broker that knows which instance of a service is running. */
export class SimulatedBroker<out Topics extends TopicMap> extends TestBroker<Topics> {
  readonly #failed: (error: unknown) => void
  readonly #clock: SleepClock

  /** `failed` is called with every error that a simulation does not cause by design. */
  constructor(options: TestBrokerOptions<Topics>, failed: (error: unknown) => void) {
    super(options)
    this.#clock = new SimulatedClock(super.clock)
    this.#failed = failed
    this.on('error', error => this.#judge(error))
    this.on('recordsDropped', nothing)
  }

  #judge(error: unknown): void {
    if (!isExpected(error) && !this.#failedWith(error)) this.#failed(error)
  }

  // The error of a handler whose partition was being revoked is only reported; the record
  // comes again, as after any failure.
  #failedWith(error: unknown): boolean {
    return this.timeline
      .ofKind('failed')
      .some(({ error: thrown }) => thrown === error || (isError(thrown) && thrown.cause === error))
  }

  protected override get silenced(): boolean {
    return currentService()?.dead ?? false
  }

  protected override get neverIdleAdvice(): string {
    return 'At the end of a schedule no fault is left, and every service has to handle all that it was sent'
  }

  protected override heard<T>(answer: Promise<T>): Promise<T> {
    return currentService()?.heard(answer) ?? answer
  }

  protected override written<T>(answer: MaybePromise<T>): MaybePromise<T> {
    const service = currentService()
    return service === undefined ? answer : service.written(answer)
  }

  override get clock(): SleepClock {
    return this.#clock
  }

  // The timeline has these events already; without a listener, the process would print a warning for each.
  protected override consumerMade(consumer: TestConsumer): void {
    for (const name of warned) consumer.on(name, nothing)
    const service = currentService()
    consumer.on('error', error => {
      if (!service?.dead) this.#judge(error)
    })
    service?.made(consumer)
    // The code of a dead process goes on, so it can still make a consumer.
    if (service?.dead) this.crash(consumer)
  }
}
