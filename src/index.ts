/**
 * `brokerlet`: a broker in this process. Begin with {@link Broker} and {@link topic}; `docs/guide.md` explains them.
 *
 * @packageDocumentation
 */
export { Broker } from './broker.ts'
export { bytes, json, string } from './codec.ts'
export { Consumer } from './consumer/consumer.ts'
export {
  BatchError,
  BrokerletError,
  ClosedError,
  CommitFailedError,
  ConsumerCrashedError,
  GroupIdNotFoundError,
  GroupSubscribedToTopicError,
  IllegalStateError,
  InconsistentGroupProtocolError,
  InvalidArgumentError,
  InvalidAssignmentError,
  InvalidGroupIdError,
  InvalidOptionError,
  InvalidPartitionsError,
  InvalidProducerEpochError,
  InvalidRecordError,
  InvalidTimestampError,
  InvalidTopicError,
  isBrokerletError,
  NeverIdleError,
  NonEmptyGroupError,
  NoOffsetForPartitionError,
  OffsetMetadataTooLargeError,
  OffsetOutOfRangeError,
  OutOfOrderSequenceError,
  ProducerFencedError,
  QueueFullError,
  RecordListTooLargeError,
  RecordTooLargeError,
  TimeoutError,
  TopicAlreadyExistsError,
  TransactionAbortedError,
  UnknownMemberIdError,
  UnknownTopicOrPartitionError,
  UnreleasedInstanceIdError,
} from './errors.ts'
export { ConsumerGroup } from './group/consumer-group.ts'
export { Partition } from './log/partition.ts'
export { Topic } from './log/topic.ts'
export { Producer } from './producer/producer.ts'
export { Transaction } from './producer/transaction.ts'
export { headersOf } from './record.ts'
export { topic } from './topic-definition.ts'

// --- types ----------------------------------------------------------------------------------------------------------

export type { Admin } from './admin.ts'
export type { Assignor, AssignorInput, AssignorMember } from './assignor.ts'
export type {
  BrokerCloseOptions,
  BrokerDescription,
  BrokerEvents,
  BrokerOptions,
  IdleOptions,
  RecordsDroppedEvent,
} from './broker.ts'
export type { Clock, SleepClock, Timer, TimerOptions, WorkBudget } from './clock.ts'
export type { Codec } from './codec.ts'
export type { CloseOptions, ConsumerControl } from './consumer/consumer-control.ts'
export type { ConsumerEvents } from './consumer/consumer-events.ts'
export type { ConsumerOptions, ManualAssignment } from './consumer/consumer-options.ts'
export type {
  Around,
  AroundBatch,
  ConsumerDefaults,
  ConsumerPolicyOptions,
} from './consumer/consumer-policy.ts'
export type { ConsumerIterator } from './consumer/record-iterator.ts'
export type { PollOptions } from './consumer/record-stream.ts'
export type { RedriveOptions } from './consumer/redrive.ts'
export type { DelayedRetry, RetryOptions } from './consumer/retry-policy.ts'
export type {
  Batch,
  BatchOf,
  CommonRunOptions,
  HandlersByTopic,
  OnFailure,
  Ordering,
  RecordContext,
  RunOptions,
} from './consumer/run-options.ts'
export type {
  CommitTrace,
  EventMessage,
  PollTrace,
  ProcessTrace,
  SendTrace,
  Trace,
  TracedMessage,
} from './diagnostics.ts'
export type { GroupStoppedEvent, Unread } from './engine.ts'
export type { ErrorCode } from './error-codes.ts'
export type { ErrorFields } from './errors.ts'
export type {
  GroupState,
  MemberDescription,
  MemberLeftEvent,
  RebalancedEvent,
} from './group/group-description.ts'
export type { LogConfig } from './log/log-config.ts'
export type { TrimReason } from './log/partition.ts'
export type { ReadOptions } from './log/read-options.ts'
export type { Partitioner, PartitionerInput } from './producer/partitioner.ts'
export type { ProducerOptions, SendOptions } from './producer/producer.ts'
export type { PubSub } from './pub-sub.ts'
export type {
  AnyRecord,
  ConsumerRecord,
  HeaderList,
  IsolationLevel,
  RecordHeaders,
  RecordKey,
  RecordMetadata,
} from './record.ts'
export type { GroupSummary, PartitionSummary, TopicSummary } from './summaries.ts'
export type {
  AnyTopic,
  InputOf,
  Merged,
  Message,
  MessageBody,
  OpenTopics,
  PlainTopic,
  RecordOf,
  TopicChanges,
  TopicDefinition,
  TopicMap,
  TopicName,
  TopicOptions,
  ValueOf,
} from './topic-definition.ts'
export type {
  OffsetAndMetadata,
  OffsetSpec,
  TopicPartition,
  TopicPartitionOffset,
} from './topic-partition.ts'
