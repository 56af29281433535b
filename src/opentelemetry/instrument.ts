import { warn } from '../events.ts'
import { type Check, checkOptions, listOf, objectWith } from '../validate.ts'
import {
  createNoopMeter,
  type Meter,
  type MeterProvider,
  metrics,
  type TracerProvider,
  trace,
} from './api.ts'
import { type Described, followMeasurements } from './measurements.ts'
import { followSpans } from './spans.ts'

/** Where spans and measurements go. */
export interface InstrumentOptions {
  /** The provider of the tracer; default the global one. */
  tracerProvider?: TracerProvider | undefined
  /**
   * The provider of the meter; default the global one, which the SDK has to have set by now: what OpenTelemetry gives
   * before measures nothing.
   */
  meterProvider?: MeterProvider | undefined
  /**
   * The brokers whose groups are observed, as `kafka.consumer_group.lag` and `kafka.consumer_group.members`; default
   * none.
   */
  brokers?: readonly Described[] | undefined
}

const describedList: Check = listOf({ ...objectWith('describe'), expected: 'objects with describe()' })

// A tracer that was asked for before there is a provider finds it later; a meter does not.
function requireMeter(meter: Meter): void {
  if (meter !== createNoopMeter()) return
  warn(
    "instrument: there is no global MeterProvider yet, so nothing is measured: set the SDK up before, or give 'meterProvider'",
  )
}

/**
 * Records spans and measurements of every broker in this process, by OpenTelemetry's conventions for messaging with
 * Kafka. Returns a function that stops it; what is under way then is still recorded when it ends. The global propagator
 * carries traces on in the headers of records.
 *
 * Spans: `send T` (producer), `poll T` (client), `process T` (consumer, linked to the span that sent the record), `commit T`
 * (client). Metrics: `messaging.client.sent.messages`, `messaging.client.consumed.messages`,
 * `messaging.client.operation.duration`, `messaging.process.duration`, `kafka.consumer_group.lag`,
 * `kafka.consumer_group.members`, and `brokerlet.events`, which counts the events of brokers and consumers by name. Where
 * there are `brokers` and no provider that could measure them, the process is warned.
 *
 * @example
 * const broker = new Broker({ topics })
 * const stop = instrument({ brokers: [broker] })
 */
export function instrument(options: InstrumentOptions = {}): () => void {
  const checks = {
    tracerProvider: objectWith('getTracer'),
    meterProvider: objectWith('getMeter'),
    brokers: describedList,
  }
  // What a broker has, which somebody gave as it is.
  checkOptions('instrument', options, checks, { admin: { instead: 'give brokers as { brokers: [broker] }' } })
  const { tracerProvider = trace, meterProvider = metrics, brokers = [] } = options
  const stopSpans = followSpans(tracerProvider.getTracer('brokerlet'))
  const meter = meterProvider.getMeter('brokerlet')
  if (brokers.length > 0) requireMeter(meter)
  const stopMeasurements = followMeasurements(meter, brokers)
  return () => {
    stopSpans()
    stopMeasurements()
  }
}
