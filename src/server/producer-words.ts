import { errorCodes } from '../error-codes.ts'

const { errno: invalidEpoch } = errorCodes.INVALID_PRODUCER_EPOCH
const { errno: invalidState } = errorCodes.INVALID_TXN_STATE
const { errno: fenced } = errorCodes.PRODUCER_FENCED
const { errno: abortable } = errorCodes.TRANSACTION_ABORTABLE

/** The requests of a producer with a transactional id whose answers say what has become of its transaction. */
type ProducerRequest =
  | 'InitProducerId'
  | 'AddPartitionsToTxn'
  | 'AddOffsetsToTxn'
  | 'TxnOffsetCommit'
  | 'EndTxn'
  | 'Produce'

const never = Number.POSITIVE_INFINITY

/** Since when a client knows that it can be fenced (KIP-588); of what it writes it always hears of its epoch. */
const fencedSince: Readonly<Record<ProducerRequest, number>> = {
  InitProducerId: 4,
  AddPartitionsToTxn: 2,
  AddOffsetsToTxn: 2,
  TxnOffsetCommit: never,
  EndTxn: 2,
  Produce: never,
}

/** Since when it knows that it may have to abort, and go on (KIP-890). */
const abortableSince: Readonly<Record<ProducerRequest, number>> = {
  InitProducerId: 5,
  AddPartitionsToTxn: 5,
  AddOffsetsToTxn: 4,
  TxnOffsetCommit: 4,
  EndTxn: 4,
  Produce: 11,
}

/** An error as a client of that version knows it; what else it is told means nothing to it. */
export function inProducersWords(request: ProducerRequest, version: number, errorCode: number): number {
  // Who cannot go on after an abort comes anew.
  const known = errorCode === abortable && version < abortableSince[request] ? fenced : errorCode
  return known === fenced && version < fencedSince[request] ? invalidEpoch : known
}

/** What a client is told that writes, or commits offsets, where it has no transaction open for that. */
export function withoutTransaction(request: ProducerRequest, version: number, errorCode: number): number {
  return errorCode === invalidState && version >= abortableSince[request] ? abortable : errorCode
}
