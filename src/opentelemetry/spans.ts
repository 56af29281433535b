import { systemClock } from '../clock.ts'
import type { CommitTrace, PollTrace, ProcessTrace, SendTrace, Trace } from '../diagnostics.ts'
import type { AnyRecord } from '../record.ts'
import { describeError } from '../thrown.ts'
import {
  type Attributes,
  context,
  type Link,
  propagation,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  type TextMapGetter,
  type Tracer,
  trace,
} from './api.ts'
import {
  clientAttributes,
  destinationAttributes,
  errorType,
  type OperationName,
  operations,
} from './attributes.ts'
import { follow } from './subscription.ts'

const headers: TextMapGetter<object> = {
  keys: carrier => Object.keys(carrier),
  get: (carrier, name) => {
    const value: unknown = (carrier as Readonly<Record<string, unknown>>)[name]
    return typeof value === 'string' ? value : undefined
  },
}

/** Makes spans of the operations that the tracing channels report; returns a function that stops it. */
export function followSpans(tracer: Tracer): () => void {
  const stop = [followSends(tracer), followPolls(tracer), followProcessing(tracer), followCommits(tracer)]
  return () => {
    for (const each of stop) each()
  }
}

function nameOf(operation: OperationName, attributes: Attributes): string {
  const topic = attributes['messaging.destination.name']
  return topic === undefined ? operation : `${operation} ${String(topic)}`
}

// The headers of sent records carry the trace on.
function followSends(tracer: Tracer): () => void {
  return follow<SendTrace, Span>(
    'brokerlet.send',
    ({ clientId, messages }) => {
      const attributes = {
        ...operations.send,
        ...clientAttributes(clientId),
        ...destinationAttributes(messages),
        ...(messages.length === 1
          ? keyAttributes(messages[0]!)
          : { 'messaging.batch.message_count': messages.length }),
      }
      const span = tracer.startSpan(nameOf('send', attributes), { kind: SpanKind.PRODUCER, attributes })
      const here = trace.setSpan(context.active(), span)
      for (const message of messages) propagation.inject(here, message.headers)
      return span
    },
    (message, span) => {
      if (message.messages.length === 1 && isRecord(message.result)) {
        span.setAttributes({
          'messaging.destination.partition.id': String(message.result.partition),
          'messaging.kafka.offset': message.result.offset,
        })
      }
      finish(span, message)
    },
  )
}

// The records are known only when the poll ends, so the span is made then.
function followPolls(tracer: Tracer): () => void {
  return follow<PollTrace, { readonly started: number }>(
    'brokerlet.poll',
    () => ({ started: systemClock.now() }),
    (message, { started }) => {
      const records = (message.result ?? []) as readonly AnyRecord[]
      const attributes = {
        ...operations.poll,
        ...clientAttributes(message.clientId, message.groupId),
        ...destinationAttributes(records),
        'messaging.batch.message_count': records.length,
      }
      const options = { kind: SpanKind.CLIENT, attributes, links: linksTo(records), startTime: started }
      finish(tracer.startSpan(nameOf('poll', attributes), options), message)
    },
  )
}

// A trace of its own, linked to the spans that sent the records: a record is read by several groups, and later.
function followProcessing(tracer: Tracer): () => void {
  return follow<ProcessTrace, Span>(
    'brokerlet.process',
    message => {
      const { clientId, groupId, records, batch, attempt } = message
      const attributes = {
        ...operations.process,
        ...clientAttributes(clientId, groupId),
        ...destinationAttributes(records),
        ...(batch ? { 'messaging.batch.message_count': records.length } : recordAttributes(records[0]!)),
        ...(attempt > 1 ? { 'brokerlet.attempt': attempt } : {}),
      }
      // Not in the trace of what called `run`, which would then go on for ever.
      const options = { kind: SpanKind.CONSUMER, attributes, links: linksTo(records), root: true }
      const span = tracer.startSpan(nameOf('process', attributes), options)
      const { run = call => call() } = message
      message.run = call => context.with(trace.setSpan(context.active(), span), () => run(call))
      return span
    },
    (message, span) => finish(span, message),
  )
}

function followCommits(tracer: Tracer): () => void {
  return follow<CommitTrace, Span>(
    'brokerlet.commit',
    ({ clientId, groupId, offsets, automatic }) => {
      const attributes = {
        ...operations.commit,
        ...clientAttributes(clientId, groupId),
        ...destinationAttributes(offsets),
        ...(offsets.length === 1 ? { 'messaging.kafka.offset': offsets[0]!.offset } : {}),
      }
      // An automatic commit runs in the trace of what called `run`, or of a `poll` that is about later records.
      const options = { kind: SpanKind.CLIENT, attributes, root: automatic }
      return tracer.startSpan(nameOf('commit', attributes), options)
    },
    (message, span) => finish(span, message),
  )
}

function recordAttributes(record: AnyRecord): Attributes {
  return { ...keyAttributes(record), 'messaging.kafka.offset': record.offset }
}

function keyAttributes({ key, value }: { readonly key: unknown; readonly value: unknown }): Attributes {
  return {
    ...(typeof key === 'string' ? { 'messaging.kafka.message.key': key } : {}),
    ...(value === null ? { 'messaging.kafka.message.tombstone': true } : {}),
  }
}

function linksTo(records: readonly AnyRecord[]): Link[] {
  return records.flatMap(record => {
    const sent = trace.getSpanContext(propagation.extract(ROOT_CONTEXT, record.headers, headers))
    return sent === undefined ? [] : [{ context: sent }]
  })
}

function finish(span: Span, message: Trace): void {
  if ('error' in message) {
    span.setAttribute('error.type', errorType(message.error))
    span.setStatus({ code: SpanStatusCode.ERROR, message: describeError(message.error) })
  }
  span.end()
}

function isRecord(value: unknown): value is { readonly partition: number; readonly offset: number } {
  return typeof value === 'object' && value !== null && 'partition' in value && 'offset' in value
}
