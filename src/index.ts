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
  InvalidRecordError,
  InvalidTimestampError,
  InvalidTopicError,
  isBrokerletError,
  NeverIdleError,
  NonEmptyGroupError,
  NoOffsetForPartitionError,
  OffsetMetadataTooLargeError,
  OffsetOutOfRangeError,
  RecordListTooLargeError,
  RecordTooLargeError,
  TimeoutError,
  TopicAlreadyExistsError,
  UnknownMemberIdError,
  UnknownTopicOrPartitionError,
  UnreleasedInstanceIdError,
} from './errors.ts'
export { ConsumerGroup } from './group/consumer-group.ts'
export { Partition } from './log/partition.ts'
export { Topic } from './log/topic.ts'
export { Producer } from './producer/producer.ts'
export { headersOf } from './record.ts'
export { topic } from './topic-definition.ts'
