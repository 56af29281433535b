import { type ErrorCode, errnos, retriableCodes } from './error-codes.ts'
import { describeError, isError } from './thrown.ts'
import { describeValue } from './value-text.ts'

/** The details of an error; each field is set only where it applies. */
export interface ErrorFields {
  /** The topic that it is about. */
  readonly topic?: string | undefined
  /** The number of the partition. */
  readonly partition?: number | undefined
  /** The offset of the record, or the one that was asked for. */
  readonly offset?: number | undefined
  /** The part of a message, or the argument of a call, that is wrong: `key`, `headers.tenant`, `offsets` ... */
  readonly field?: string | undefined
  /** The group. */
  readonly groupId?: string | undefined
  /** The member of the group. */
  readonly memberId?: string | undefined
  /** The instance id of the static member. */
  readonly groupInstanceId?: string | undefined
  /** The transactional id of the producer. */
  readonly transactionalId?: string | undefined
  /** The name of the group's assignor. */
  readonly assignor?: string | undefined
  /** The option that is wrong. */
  readonly option?: string | undefined
  /** What was expected, in words. */
  readonly expected?: string | undefined
  /** What arrived instead. */
  readonly received?: unknown
  /** Existing names that are nearly the one that was given. */
  readonly suggestions?: readonly string[] | undefined
  /** What the schema found, as it says it. */
  readonly issues?: readonly unknown[] | undefined
  /** What held a call up that could not wait: as text, or as a list. */
  readonly details?: unknown
  /** The error behind this one. */
  readonly cause?: unknown
}

// Symbol.for, because the ESM and CJS copies of this package have classes of their own and must know each other's errors.
const brand = Symbol.for('brokerlet.error')

// A `send` finds a wrong value ten calls further down, and Node shows ten: a user's own line would not be among them.
const ownFrames = 10

// It cannot be set under --frozen-intrinsics.
function setStackTraceLimit(limit: number): void {
  Reflect.set(Error, 'stackTraceLimit', limit)
}

// A name from outside may have any length, and would be in every log that has the message. The whole is in the fields.
function shortened(message: string): string {
  // Only from the beginning of a run: from each character of a shorter one it would take long in a long message.
  return message.length > 1000 ? message.replace(/(?<!\S)(\S{300})\S+/g, '$1...') : message
}

/** The base of every error that brokerlet makes. */
export class BrokerletError extends Error implements ErrorFields {
  /**
   * Each class says its own name, because a program's bundler may shorten the names of classes: `QueueFullError` in a
   * log, or in the header of a dead letter, says more than `t`. @internal
   */
  static override readonly name: string = 'BrokerletError'
  /** Kafka's name of the error, `UNKNOWN_TOPIC_OR_PARTITION`, or brokerlet's where Kafka has none. */
  readonly code: ErrorCode
  /** Kafka's number of the error, as the wire carries it; -1 where Kafka has none. */
  readonly errno: number
  /** Whether the same call can succeed later. */
  readonly retriable: boolean
  declare readonly topic?: string
  declare readonly partition?: number
  declare readonly offset?: number
  declare readonly field?: string
  declare readonly groupId?: string
  declare readonly memberId?: string
  declare readonly groupInstanceId?: string
  declare readonly transactionalId?: string
  declare readonly assignor?: string
  declare readonly option?: string
  declare readonly expected?: string
  declare readonly received?: unknown
  declare readonly suggestions?: readonly string[]
  declare readonly issues?: readonly unknown[]
  declare readonly details?: unknown

  constructor(code: ErrorCode, message: string, fields: ErrorFields = {}) {
    const { stackTraceLimit } = Error
    setStackTraceLimit(stackTraceLimit && stackTraceLimit + ownFrames)
    super(shortened(message), fields)
    setStackTraceLimit(stackTraceLimit)
    this.name = new.target.name
    this.code = code
    this.errno = errnos[code]
    this.retriable = retriableCodes.has(code)
    // The cause is in its place already, where nobody lists it. What was received may have been undefined.
    for (const [field, value] of Object.entries(fields)) {
      if (field === 'cause' || (value === undefined && field !== 'received')) continue
      Object.assign(this, { [field]: value })
    }
    Object.defineProperty(this, brand, { value: true })
  }
}

/** Whether `error` is brokerlet's, from whichever copy of the package it came. */
export function isBrokerletError(error: unknown): error is BrokerletError {
  try {
    return isError(error) && brand in error
  } catch {
    return false
  }
}

/** Whether the same may succeed later. */
export function isRetriable(error: unknown): error is BrokerletError {
  return isBrokerletError(error) && error.retriable
}

/**
 * A topic, or a partition of it, that does not exist; `suggestions` holds the names that are nearly the same. Code
 * `UNKNOWN_TOPIC_OR_PARTITION`, retriable.
 */
export class UnknownTopicOrPartitionError extends BrokerletError {
  /** @internal */ static override readonly name: string = 'UnknownTopicOrPartitionError'
  constructor(message: string, fields?: ErrorFields) {
    super('UNKNOWN_TOPIC_OR_PARTITION', message, fields)
  }
}

/** A topic of that name is there already. Code `TOPIC_ALREADY_EXISTS`. */
export class TopicAlreadyExistsError extends BrokerletError {
  /** @internal */ static override readonly name: string = 'TopicAlreadyExistsError'
  constructor(topic: string) {
    super('TOPIC_ALREADY_EXISTS', `Topic '${topic}' already exists`, { topic })
  }
}

/** A name that no topic can have. Code `INVALID_TOPIC_EXCEPTION`. */
export class InvalidTopicError extends BrokerletError {
  /** @internal */ static override readonly name: string = 'InvalidTopicError'
  constructor(message: string, fields?: ErrorFields) {
    super('INVALID_TOPIC_EXCEPTION', message, fields)
  }
}

/** A number of partitions that a topic cannot have, or fewer than it has. Code `INVALID_PARTITIONS`. */
export class InvalidPartitionsError extends BrokerletError {
  /** @internal */ static override readonly name: string = 'InvalidPartitionsError'
  constructor(message: string, fields?: ErrorFields) {
    super('INVALID_PARTITIONS', message, fields)
  }
}

/**
 * An option that is unknown, of the wrong kind, or at odds with another one; a function among the options threw. Code
 * `INVALID_CONFIG`.
 */
export class InvalidOptionError extends BrokerletError {
  /** @internal */ static override readonly name: string = 'InvalidOptionError'
  constructor(message: string, fields?: ErrorFields) {
    super('INVALID_CONFIG', message, fields)
  }
}

/** An argument of a call that cannot be meant, such as a negative offset. Code `INVALID_REQUEST`. */
export class InvalidArgumentError extends BrokerletError {
  /** @internal */ static override readonly name: string = 'InvalidArgumentError'
  constructor(message: string, fields?: ErrorFields) {
    super('INVALID_REQUEST', message, fields)
  }
}

/**
 * A record that its topic refuses: a wrong key or header, a value that its schema or codec does not take. Code
 * `INVALID_RECORD`.
 */
export class InvalidRecordError extends BrokerletError {
  /** @internal */ static override readonly name: string = 'InvalidRecordError'
  constructor(message: string, fields?: ErrorFields) {
    super('INVALID_RECORD', message, fields)
  }
}

/** A timestamp further from now than its topic allows. Code `INVALID_TIMESTAMP`. */
export class InvalidTimestampError extends BrokerletError {
  /** @internal */ static override readonly name: string = 'InvalidTimestampError'
  constructor(message: string, fields?: ErrorFields) {
    super('INVALID_TIMESTAMP', message, fields)
  }
}

/**
 * A record larger than its topic's `maxMessageBytes`, or than a request to a cluster may be. Code `MESSAGE_TOO_LARGE`.
 */
export class RecordTooLargeError extends BrokerletError {
  /** @internal */ static override readonly name: string = 'RecordTooLargeError'
  constructor(message: string, fields?: ErrorFields) {
    super('MESSAGE_TOO_LARGE', message, fields)
  }
}

/** A batch that could never fit, whatever is dropped for it. Code `RECORD_LIST_TOO_LARGE`. */
export class RecordListTooLargeError extends BrokerletError {
  /** @internal */ static override readonly name: string = 'RecordListTooLargeError'
  constructor(message: string, fields?: ErrorFields) {
    super('RECORD_LIST_TOO_LARGE', message, fields)
  }
}

/**
 * A log is full of records that must stay, and the topic has `whenFull: 'reject'`, or the send may not wait. Code
 * `QUEUE_FULL`, retriable.
 */
export class QueueFullError extends BrokerletError {
  /** @internal */ static override readonly name: string = 'QueueFullError'
  constructor(message: string, fields?: ErrorFields) {
    super('QUEUE_FULL', message, fields)
  }
}

/**
 * A batch of an idempotent producer that neither follows its last batch nor repeats one of its last batches. Code
 * `OUT_OF_ORDER_SEQUENCE_NUMBER`.
 */
export class OutOfOrderSequenceError extends BrokerletError {
  /** @internal */ static override readonly name: string = 'OutOfOrderSequenceError'
  constructor(message: string, fields?: ErrorFields) {
    super('OUT_OF_ORDER_SEQUENCE_NUMBER', message, fields)
  }
}

/** A batch of a producer that has a newer epoch by now. Code `INVALID_PRODUCER_EPOCH`. */
export class InvalidProducerEpochError extends BrokerletError {
  /** @internal */ static override readonly name: string = 'InvalidProducerEpochError'
  constructor(message: string, fields?: ErrorFields) {
    super('INVALID_PRODUCER_EPOCH', message, fields)
  }
}

/**
 * Another producer started with this `transactionalId`: the older one's transaction is aborted, and it writes no
 * more. Code `PRODUCER_FENCED`.
 */
export class ProducerFencedError extends BrokerletError {
  /** @internal */ static override readonly name: string = 'ProducerFencedError'
  constructor(message: string, fields?: ErrorFields) {
    super('PRODUCER_FENCED', message, fields)
  }
}

/**
 * The transaction was aborted: it took too long, or something in it failed. The producer's next one may succeed. Code
 * `TRANSACTION_ABORTABLE`.
 */
export class TransactionAbortedError extends BrokerletError {
  /** @internal */ static override readonly name: string = 'TransactionAbortedError'
  constructor(message: string, fields?: ErrorFields) {
    super('TRANSACTION_ABORTABLE', message, fields)
  }
}

/** A position below the log's start or past its end, where the reset policy is `none`. Code `OFFSET_OUT_OF_RANGE`. */
export class OffsetOutOfRangeError extends BrokerletError {
  /** @internal */ static override readonly name: string = 'OffsetOutOfRangeError'
  constructor(message: string, fields?: ErrorFields) {
    super('OFFSET_OUT_OF_RANGE', message, fields)
  }
}

/** Nothing is committed for a partition and the reset policy is `none`. Code `NO_OFFSET_FOR_PARTITION`. */
export class NoOffsetForPartitionError extends BrokerletError {
  /** @internal */ static override readonly name: string = 'NoOffsetForPartitionError'
  constructor(message: string, fields?: ErrorFields) {
    super('NO_OFFSET_FOR_PARTITION', message, fields)
  }
}

/** Metadata of a commit that is longer than Kafka's 4,096 bytes. Code `OFFSET_METADATA_TOO_LARGE`. */
export class OffsetMetadataTooLargeError extends BrokerletError {
  /** @internal */ static override readonly name: string = 'OffsetMetadataTooLargeError'
  constructor(message: string, fields?: ErrorFields) {
    super('OFFSET_METADATA_TOO_LARGE', message, fields)
  }
}

/** A group id that no group can have. Code `INVALID_GROUP_ID`. */
export class InvalidGroupIdError extends BrokerletError {
  /** @internal */ static override readonly name: string = 'InvalidGroupIdError'
  constructor(message: string, fields?: ErrorFields) {
    super('INVALID_GROUP_ID', message, fields)
  }
}

/** There is no group of that id. Code `GROUP_ID_NOT_FOUND`. */
export class GroupIdNotFoundError extends BrokerletError {
  /** @internal */ static override readonly name: string = 'GroupIdNotFoundError'
  constructor(message: string, fields?: ErrorFields) {
    super('GROUP_ID_NOT_FOUND', message, fields)
  }
}

/** The group has members, and what was asked needs it empty. Code `NON_EMPTY_GROUP`. */
export class NonEmptyGroupError extends BrokerletError {
  /** @internal */ static override readonly name: string = 'NonEmptyGroupError'
  constructor(message: string, fields?: ErrorFields) {
    super('NON_EMPTY_GROUP', message, fields)
  }
}

/** The group still reads the topic whose offsets were to be deleted. Code `GROUP_SUBSCRIBED_TO_TOPIC`. */
export class GroupSubscribedToTopicError extends BrokerletError {
  /** @internal */ static override readonly name: string = 'GroupSubscribedToTopicError'
  constructor(message: string, fields?: ErrorFields) {
    super('GROUP_SUBSCRIBED_TO_TOPIC', message, fields)
  }
}

/** A member wants another assignor than its group has. Code `INCONSISTENT_GROUP_PROTOCOL`. */
export class InconsistentGroupProtocolError extends BrokerletError {
  /** @internal */ static override readonly name: string = 'InconsistentGroupProtocolError'
  constructor(message: string, fields?: ErrorFields) {
    super('INCONSISTENT_GROUP_PROTOCOL', message, fields)
  }
}

/** The group does not know the member: it left, or was removed. Code `UNKNOWN_MEMBER_ID`. */
export class UnknownMemberIdError extends BrokerletError {
  /** @internal */ static override readonly name: string = 'UnknownMemberIdError'
  constructor(message: string, fields?: ErrorFields) {
    super('UNKNOWN_MEMBER_ID', message, fields)
  }
}

/** Another live member has this `groupInstanceId`. Code `UNRELEASED_INSTANCE_ID`. */
export class UnreleasedInstanceIdError extends BrokerletError {
  /** @internal */ static override readonly name: string = 'UnreleasedInstanceIdError'
  constructor(message: string, fields?: ErrorFields) {
    super('UNRELEASED_INSTANCE_ID', message, fields)
  }
}

/**
 * A commit of partitions that are no longer this consumer's. How the group refused it is the code: `STALE_MEMBER_EPOCH`,
 * `UNKNOWN_MEMBER_ID` or `GROUP_ID_NOT_FOUND`.
 */
export class CommitFailedError extends BrokerletError {
  /** @internal */ static override readonly name: string = 'CommitFailedError'
  constructor(
    code: 'STALE_MEMBER_EPOCH' | 'UNKNOWN_MEMBER_ID' | 'GROUP_ID_NOT_FOUND',
    message: string,
    fields?: ErrorFields,
  ) {
    super(code, message, fields)
  }
}

/**
 * An assignor threw, or assigned a partition twice, to no member, or to a member that does not subscribe to it. Code
 * `INVALID_ASSIGNMENT`.
 */
export class InvalidAssignmentError extends BrokerletError {
  /** @internal */ static override readonly name: string = 'InvalidAssignmentError'
  constructor(message: string, fields?: ErrorFields) {
    super('INVALID_ASSIGNMENT', message, fields)
  }
}

/** A call that does not fit what the consumer or producer is doing, such as a second `run`. Code `ILLEGAL_STATE`. */
export class IllegalStateError extends BrokerletError {
  /** @internal */ static override readonly name: string = 'IllegalStateError'
  constructor(message: string, fields?: ErrorFields) {
    super('ILLEGAL_STATE', message, fields)
  }
}

/** The broker, producer or consumer is closed. Code `CLOSED`. */
export class ClosedError extends BrokerletError {
  /** @internal */ static override readonly name: string = 'ClosedError'
  constructor(message: string, fields?: ErrorFields) {
    super('CLOSED', message, fields)
  }
}

/** A wait whose time was up; `details` says what it was still waiting for. Code `REQUEST_TIMED_OUT`, retriable. */
export class TimeoutError extends BrokerletError {
  /** @internal */ static override readonly name: string = 'TimeoutError'
  constructor(message: string, fields?: ErrorFields) {
    super('REQUEST_TIMED_OUT', message, fields)
  }
}

/** `idle` can never resolve: a group has lag, and no member can read it. Code `NEVER_IDLE`. */
export class NeverIdleError extends BrokerletError {
  /** @internal */ static override readonly name: string = 'NeverIdleError'
  constructor(message: string, fields?: ErrorFields) {
    super('NEVER_IDLE', message, fields)
  }
}

/** A consumer stopped because its handler failed; the handler's error is the `cause`. Code `CONSUMER_CRASHED`. */
export class ConsumerCrashedError extends BrokerletError {
  /** @internal */ static override readonly name: string = 'ConsumerCrashedError'
  constructor(message: string, fields?: ErrorFields) {
    super('CONSUMER_CRASHED', message, fields)
  }
}

/**
 * Thrown by a handler of batches to say how far it came: every record before `failedAt` is finished. Code
 * `BATCH_FAILED`, retriable.
 *
 * @example
 * throw new BatchError(cause, { failedAt: record })
 */
export class BatchError extends BrokerletError {
  /** @internal */ static override readonly name: string = 'BatchError'
  readonly failedAt: { readonly topic: string; readonly partition: number; readonly offset: number }

  constructor(
    cause: unknown,
    at: {
      readonly failedAt: { readonly topic: string; readonly partition: number; readonly offset: number }
    },
  ) {
    const { topic, partition, offset } = failedAt(at)
    super(
      'BATCH_FAILED',
      `The batch failed at offset ${offset} of ${topic}-${partition}: ${describeError(cause)}`,
      {
        topic,
        partition,
        offset,
        cause,
      },
    )
    this.failedAt = at.failedAt
  }
}

/** Whether a handler has said how far it came, with whichever copy of the package. */
export function isBatchError(thrown: unknown): thrown is BatchError {
  return isBrokerletError(thrown) && thrown.code === 'BATCH_FAILED'
}

function failedAt(at: unknown): BatchError['failedAt'] {
  const place = (at as { readonly failedAt?: unknown } | null | undefined)?.failedAt
  if (typeof place === 'object' && place !== null) return place as BatchError['failedAt']
  const expected = 'the record that failed'
  throw new InvalidArgumentError(
    `BatchError: failedAt expected ${expected}, received ${describeValue(place)}`,
    { field: 'failedAt', expected, received: place },
  )
}

/**
 * Notes who waits, and returns what says so in the stack of an error of brokerlet: one that a timer makes knows only the
 * timer.
 */
export function whoWaits(): (error: unknown) => void {
  const waits = new BrokerletError('REQUEST_TIMED_OUT', '')
  return error => {
    const frames = /\n {4}at .*/s.exec(String(waits.stack))
    if (frames !== null && isBrokerletError(error))
      error.stack = `${error.name}: ${error.message}${frames[0]}`
  }
}
