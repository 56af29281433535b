import { errnoOf } from './wire-error-code.ts'

const invalidEpoch = errnoOf('INVALID_PRODUCER_EPOCH')
const invalidState = errnoOf('INVALID_TXN_STATE')
const fenced = errnoOf('PRODUCER_FENCED')
const abortable = errnoOf('TRANSACTION_ABORTABLE')

/** The requests of a producer with a transactional id whose answers say what has become of its transaction. */
type ProducerRequest =
  | 'InitProducerId'
  | 'AddPartitionsToTxn'
  | 'AddOffsetsToTxn'
  | 'TxnOffsetCommit'
  | 'EndTxn'
  | 'Produce'

const never = Number.POSITIVE_INFINITY

/** The first version whose client knows PRODUCER_FENCED (KIP-588). Writes get INVALID_PRODUCER_EPOCH. */
const fencedSince: Readonly<Record<ProducerRequest, number>> = {
  InitProducerId: 4,
  AddPartitionsToTxn: 2,
  AddOffsetsToTxn: 2,
  TxnOffsetCommit: never,
  EndTxn: 2,
  Produce: never,
}

/** The first version whose client knows TRANSACTION_ABORTABLE: it has to abort, and goes on (KIP-890). */
const abortableSince: Readonly<Record<ProducerRequest, number>> = {
  InitProducerId: 5,
  AddPartitionsToTxn: 5,
  AddOffsetsToTxn: 4,
  TxnOffsetCommit: 4,
  EndTxn: 4,
  Produce: 11,
}

/** Whether a client of that version goes on after it has aborted what the broker aborted before. */
export function knowsAbortable(request: ProducerRequest, version: number): boolean {
  return version >= abortableSince[request]
}

/** Translates an error into one that a client of that version knows. */
export function inProducersWords(request: ProducerRequest, version: number, errorCode: number): number {
  // A client that cannot abort and go on has to start anew.
  const known = errorCode === abortable && !knowsAbortable(request, version) ? fenced : errorCode
  return known === fenced && version < fencedSince[request] ? invalidEpoch : known
}

/** The error of a client that writes or commits offsets without an open transaction. */
export function withoutTransaction(request: ProducerRequest, version: number, errorCode: number): number {
  return errorCode === invalidState && knowsAbortable(request, version) ? abortable : errorCode
}
