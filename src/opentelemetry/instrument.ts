import { type Check, checkOptions, objectWith } from '../validate.ts'
import { type MeterProvider, metrics, type TracerProvider, trace } from './api.ts'
import { type Described, followMeasurements } from './measurements.ts'
import { followSpans } from './spans.ts'

/** Where spans and measurements go. */
export interface InstrumentOptions {
  /** The provider of the tracer; default the global one. */
  tracerProvider?: TracerProvider | undefined
  /** The provider of the meter; default the global one. */
  meterProvider?: MeterProvider | undefined
  /**
   * The brokers whose groups are observed, as `kafka.consumer_group.lag` and `kafka.consumer_group.members`; default
   * none.
   */
  brokers?: readonly Described[] | undefined
}

const describedList: Check = {
  expected: 'an array of objects with describe()',
  accepts: value => Array.isArray(value) && value.every(objectWith('describe').accepts),
}

/**
 * Records spans and measurements of every broker in this process, by OpenTelemetry's conventions for messaging with
 * Kafka. Returns a function that stops it; what is under way then is still recorded when it ends. The global propagator
 * carries traces on in the headers of records.
 *
 * Spans: `send T` (producer), `poll T` (client), `process T` (consumer, linked to the span that sent the record), `commit T`
 * (client). Metrics: `messaging.client.sent.messages`, `messaging.client.consumed.messages`,
 * `messaging.client.operation.duration`, `messaging.process.duration`, `kafka.consumer_group.lag`,
 * `kafka.consumer_group.members`, and `brokerlet.events`, which counts the events of brokers and consumers by name.
 *
 * @example
 * const broker = new Broker({ topics })
 * const stop = instrument({ brokers: [broker] })
 */
export function instrument(options: InstrumentOptions = {}): () => void {
  checkOptions('instrument', options, {
    tracerProvider: objectWith('getTracer'),
    meterProvider: objectWith('getMeter'),
    brokers: describedList,
  })
  const { tracerProvider = trace, meterProvider = metrics, brokers = [] } = options
  const stopSpans = followSpans(tracerProvider.getTracer('brokerlet'))
  const stopMeasurements = followMeasurements(meterProvider.getMeter('brokerlet'), brokers)
  return () => {
    stopSpans()
    stopMeasurements()
  }
}
