import { type ErrorCode, errnos } from '../error-codes.ts'
import {
  BrokerletError,
  type ErrorFields,
  GroupIdNotFoundError,
  GroupSubscribedToTopicError,
  InconsistentGroupProtocolError,
  InvalidGroupIdError,
  InvalidOptionError,
  InvalidPartitionsError,
  InvalidProducerEpochError,
  InvalidRecordError,
  InvalidTimestampError,
  InvalidTopicError,
  isBrokerletError,
  NonEmptyGroupError,
  OffsetMetadataTooLargeError,
  OffsetOutOfRangeError,
  OutOfOrderSequenceError,
  ProducerFencedError,
  RecordListTooLargeError,
  RecordTooLargeError,
  TimeoutError,
  TransactionAbortedError,
  UnknownMemberIdError,
  UnknownTopicOrPartitionError,
  UnreleasedInstanceIdError,
} from '../errors.ts'
import type { ClientLibrary } from './client-library.ts'

/**
 * The cluster cannot be reached, or refuses a request with an error that has no class of its own; `code` is Kafka's. Where
 * the client library is missing, it is `PEER_NOT_INSTALLED`.
 */
export class ClusterError extends BrokerletError {
  /** @internal */ static override readonly name: string = 'ClusterError'
}

type ErrorClass = new (message: string, fields?: ErrorFields) => BrokerletError

const classes: Partial<Record<ErrorCode, ErrorClass>> = {
  UNKNOWN_TOPIC_OR_PARTITION: UnknownTopicOrPartitionError,
  INVALID_TOPIC_EXCEPTION: InvalidTopicError,
  INVALID_PARTITIONS: InvalidPartitionsError,
  INVALID_CONFIG: InvalidOptionError,
  INVALID_RECORD: InvalidRecordError,
  INVALID_TIMESTAMP: InvalidTimestampError,
  MESSAGE_TOO_LARGE: RecordTooLargeError,
  RECORD_LIST_TOO_LARGE: RecordListTooLargeError,
  OUT_OF_ORDER_SEQUENCE_NUMBER: OutOfOrderSequenceError,
  INVALID_PRODUCER_EPOCH: InvalidProducerEpochError,
  PRODUCER_FENCED: ProducerFencedError,
  TRANSACTION_ABORTABLE: TransactionAbortedError,
  OFFSET_OUT_OF_RANGE: OffsetOutOfRangeError,
  OFFSET_METADATA_TOO_LARGE: OffsetMetadataTooLargeError,
  INVALID_GROUP_ID: InvalidGroupIdError,
  GROUP_ID_NOT_FOUND: GroupIdNotFoundError,
  NON_EMPTY_GROUP: NonEmptyGroupError,
  GROUP_SUBSCRIBED_TO_TOPIC: GroupSubscribedToTopicError,
  INCONSISTENT_GROUP_PROTOCOL: InconsistentGroupProtocolError,
  UNKNOWN_MEMBER_ID: UnknownMemberIdError,
  UNRELEASED_INSTANCE_ID: UnreleasedInstanceIdError,
  REQUEST_TIMED_OUT: TimeoutError,
}

/**
 * Returns the error for a response's error code, retriable where Kafka says so; `what` names the request that failed.
 */
export function toClusterError(
  library: ClientLibrary,
  errno: number,
  what: string,
  fields: ErrorFields = {},
  message?: string | null,
): BrokerletError {
  const name = library.protocolErrorsCodesById[errno] ?? `error ${errno}`
  const known = library.protocolErrors[name]
  const text = `${what}: ${message || known?.message || name} (${name})`
  const code = name in errnos ? (name as ErrorCode) : 'UNKNOWN_SERVER_ERROR'
  const Class = classes[code]
  const error = Class === undefined ? new ClusterError(code, text, fields) : new Class(text, fields)
  return Object.assign(error, { retriable: known?.canRetry ?? false })
}

/** Whether an error, of a cluster or of brokerlet itself, has that code. */
export function hasCode(error: unknown, code: ErrorCode): error is BrokerletError {
  return isBrokerletError(error) && error.code === code
}

/** Whether a request was not answered: by its broker, or in the time that it had. So it may be done. */
export function isUnanswered(error: unknown): boolean {
  return hasCode(error, 'NETWORK_EXCEPTION') || hasCode(error, 'REQUEST_TIMED_OUT')
}
