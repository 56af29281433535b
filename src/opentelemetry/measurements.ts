import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { systemClock } from '../clock.ts'
import type { CommitTrace, EventMessage, PollTrace, ProcessTrace, SendTrace, Trace } from '../diagnostics.ts'
import type { GroupSummary } from '../summaries.ts'
import type { Attributes, Counter, Histogram, Meter } from './api.ts'
import {
  clientAttributes,
  destinationAttributes,
  errorType,
  type OperationName,
  operations,
} from './attributes.ts'
import { follow } from './subscription.ts'

/** A broker whose groups are observed: a `Broker`. */
export interface Described {
  /** Describes the broker's present state. */
  describe(): { readonly groups: readonly GroupSummary[] }
}

// In seconds, as the conventions ask for.
const boundaries = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10]

/**
 * Measures the operations that the tracing channels report, and the groups of these brokers;
 * returns a function that stops it.
 */
export function followMeasurements(meter: Meter, brokers: readonly Described[]): () => void {
  const sent = counter(meter, 'messaging.client.sent.messages', 'Messages that producers sent.')
  const consumed = counter(
    meter,
    'messaging.client.consumed.messages',
    'Messages that consumers were handed.',
  )
  const operation = histogram(
    meter,
    'messaging.client.operation.duration',
    'How long send, poll and commit took.',
  )
  const process = histogram(meter, 'messaging.process.duration', 'How long handlers took.')
  const stop = [
    timed<SendTrace>(
      'send',
      operation,
      ({ messages }) => messages,
      (message, attributes) => countByTopic(sent, message.messages, attributes),
    ),
    timed<PollTrace>('poll', operation, recordsOf, (message, attributes) =>
      countByTopic(consumed, recordsOf(message), attributes),
    ),
    // A retried record was consumed before, so it is not counted again.
    timed<ProcessTrace>(
      'process',
      process,
      ({ records }) => records,
      ({ records, attempt }, attributes) => {
        const { 'error.type': _, ...handed } = attributes
        if (attempt === 1) countByTopic(consumed, records, handed)
      },
    ),
    timed<CommitTrace>('commit', operation, ({ offsets }) => offsets),
    followEvents(meter),
    followGroups(meter, brokers),
  ]
  return () => {
    for (const each of stop) each()
  }
}

function counter(meter: Meter, name: string, description: string): Counter {
  return meter.createCounter(name, { unit: '{message}', description })
}

function histogram(meter: Meter, name: string, description: string): Histogram {
  return meter.createHistogram(name, {
    unit: 's',
    description,
    advice: { explicitBucketBoundaries: boundaries },
  })
}

type Place = { readonly topic: string; readonly partition?: number }

function timed<Message extends Trace & { readonly clientId: string; readonly groupId?: string | undefined }>(
  name: OperationName,
  durations: Histogram,
  placesOf: (message: Message) => readonly Place[],
  count?: (message: Message, attributes: Attributes) => void,
): () => void {
  return follow<Message, { readonly started: number }>(
    `brokerlet.${name}`,
    () => ({ started: systemClock.monotonic() }),
    (message, { started }) => {
      const { 'messaging.client.id': _, ...client } = clientAttributes(message.clientId, message.groupId)
      const attributes: Attributes = {
        ...operations[name],
        ...client,
        ...('error' in message ? { 'error.type': errorType(message.error) } : {}),
      }
      const places = destinationAttributes(placesOf(message).map(({ topic }) => ({ topic })))
      durations.record((systemClock.monotonic() - started) / 1000, { ...attributes, ...places })
      count?.(message, attributes)
    },
  )
}

function recordsOf({ result }: Trace): readonly Place[] {
  return (result ?? []) as readonly Place[]
}

function countByTopic(counted: Counter, places: readonly Place[], attributes: Attributes): void {
  const counts = new Map<string, number>()
  for (const { topic } of places) counts.set(topic, (counts.get(topic) ?? 0) + 1)
  for (const [topic, count] of counts)
    counted.add(count, { ...attributes, 'messaging.destination.name': topic })
}

// Every event counts, such as a stall, a crash, a lost partition, a reset or a skip.
function followEvents(meter: Meter): () => void {
  const events = meter.createCounter('brokerlet.events', {
    unit: '{event}',
    description: 'Events of brokers and consumers, by name.',
  })
  const note = (message: unknown) => {
    const { name, groupId } = message as EventMessage
    events.add(1, {
      'brokerlet.event.name': name,
      ...(groupId === undefined ? {} : { 'messaging.consumer.group.name': groupId }),
    })
  }
  subscribe('brokerlet.event', note)
  return () => void unsubscribe('brokerlet.event', note)
}

function followGroups(meter: Meter, brokers: readonly Described[]): () => void {
  // The names that the OpenTelemetry Collector's Kafka receiver uses.
  const lag = meter.createObservableGauge('kafka.consumer_group.lag', {
    unit: '{message}',
    description: 'Records that a group has not handled, by partition.',
  })
  const count = meter.createObservableUpDownCounter('kafka.consumer_group.members', {
    unit: '{member}',
    description: 'Members of a group.',
  })
  // One callback for both: to describe a broker takes longer than to observe.
  const observe: Parameters<typeof meter.addBatchObservableCallback>[0] = result => {
    for (const broker of brokers) {
      for (const { groupId, members, partitions } of broker.describe().groups) {
        result.observe(count, members.length, { group: groupId })
        for (const { topic, partition, lag: records } of partitions) {
          result.observe(lag, records, { group: groupId, topic, partition })
        }
      }
    }
  }
  meter.addBatchObservableCallback(observe, [lag, count])
  return () => meter.removeBatchObservableCallback(observe, [lag, count])
}
