import { type ProcessTrace, processing } from '../diagnostics.ts'
import type { AnyRecord } from '../record.ts'
import type { BatchHandler, RecordContext, RecordHandler, ResolvedRunOptions } from './run-options.ts'

/** The consumer that handles, as traces name it. */
export interface TracedConsumer {
  readonly clientId: string
  readonly groupId: string | undefined
}

/** A run with its handlers and, beside them, the same with a trace around each call. */
export function withTraces(options: ResolvedRunOptions, consumer: TracedConsumer): ResolvedRunOptions {
  const { eachRecord, eachBatch } = options
  const trace = (records: readonly AnyRecord[], batch: boolean, { attempt }: RecordContext): ProcessTrace => {
    const { clientId, groupId } = consumer
    return { clientId, groupId, records, batch, attempt }
  }
  return {
    ...options,
    tracedRecord:
      eachRecord &&
      ((record, context) =>
        processing.trace(trace([record], false, context), () => eachRecord(record, context))),
    tracedBatch:
      eachBatch &&
      ((batch, context) =>
        processing.trace(trace(batch.records, true, context), () => eachBatch(batch, context))),
  }
}

/**
 * The handler of records to call now; asked once for many, so that a channel without subscribers costs records
 * nothing.
 */
export function recordHandler(options: ResolvedRunOptions): RecordHandler {
  return (processing.listened ? options.tracedRecord : undefined) ?? options.eachRecord!
}

/** The same for batches. */
export function batchHandler(options: ResolvedRunOptions): BatchHandler {
  return (processing.listened ? options.tracedBatch : undefined) ?? options.eachBatch!
}
