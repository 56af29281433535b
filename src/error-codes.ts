/** Kafka's name of an error, or brokerlet's where Kafka has none. */
export type ErrorCode =
  | 'UNKNOWN_SERVER_ERROR'
  | 'OFFSET_OUT_OF_RANGE'
  | 'OPERATION_NOT_ATTEMPTED'
  | 'INVALID_TXN_STATE'
  | 'INVALID_PRODUCER_ID_MAPPING'
  | 'INVALID_REGULAR_EXPRESSION'
  | 'UNSUPPORTED_ASSIGNOR'
  | 'FENCED_MEMBER_EPOCH'
  | 'UNSUPPORTED_SASL_MECHANISM'
  | 'ILLEGAL_SASL_STATE'
  | 'SASL_AUTHENTICATION_FAILED'
  | 'CORRUPT_MESSAGE'
  | 'COORDINATOR_NOT_AVAILABLE'
  | 'ILLEGAL_GENERATION'
  | 'REBALANCE_IN_PROGRESS'
  | 'UNSUPPORTED_VERSION'
  | 'UNSUPPORTED_FOR_MESSAGE_FORMAT'
  | 'INVALID_REPLICATION_FACTOR'
  | 'INVALID_REPLICA_ASSIGNMENT'
  | 'FENCED_INSTANCE_ID'
  | 'UNSUPPORTED_COMPRESSION_TYPE'
  | 'MEMBER_ID_REQUIRED'
  | 'UNKNOWN_TOPIC_ID'
  | 'UNKNOWN_TOPIC_OR_PARTITION'
  | 'REQUEST_TIMED_OUT'
  | 'MESSAGE_TOO_LARGE'
  | 'OFFSET_METADATA_TOO_LARGE'
  | 'INVALID_TOPIC_EXCEPTION'
  | 'RECORD_LIST_TOO_LARGE'
  | 'INCONSISTENT_GROUP_PROTOCOL'
  | 'INVALID_GROUP_ID'
  | 'UNKNOWN_MEMBER_ID'
  | 'INVALID_TIMESTAMP'
  | 'TOPIC_ALREADY_EXISTS'
  | 'INVALID_PARTITIONS'
  | 'INVALID_CONFIG'
  | 'INVALID_REQUEST'
  | 'OUT_OF_ORDER_SEQUENCE_NUMBER'
  | 'INVALID_PRODUCER_EPOCH'
  | 'NON_EMPTY_GROUP'
  | 'GROUP_ID_NOT_FOUND'
  | 'UNKNOWN_LEADER_EPOCH'
  | 'TRANSACTIONAL_ID_NOT_FOUND'
  | 'GROUP_SUBSCRIBED_TO_TOPIC'
  | 'INVALID_RECORD'
  | 'UNRELEASED_INSTANCE_ID'
  | 'STALE_MEMBER_EPOCH'
  | 'STREAMS_INVALID_TOPOLOGY'
  | 'PRODUCER_FENCED'
  | 'TRANSACTION_ABORTABLE'
  | 'NO_OFFSET_FOR_PARTITION'
  | 'QUEUE_FULL'
  | 'INVALID_ASSIGNMENT'
  | 'ILLEGAL_STATE'
  | 'CLOSED'
  | 'NEVER_IDLE'
  | 'CONSUMER_CRASHED'
  | 'BATCH_FAILED'
  | 'NETWORK_EXCEPTION'
  | 'NOT_ENOUGH_REPLICAS'
  | 'TOPIC_AUTHORIZATION_FAILED'
  | 'GROUP_AUTHORIZATION_FAILED'
  | 'CLUSTER_AUTHORIZATION_FAILED'
  | 'TRANSACTIONAL_ID_AUTHORIZATION_FAILED'
  | 'POLICY_VIOLATION'
  | 'INVALID_TRANSACTION_TIMEOUT'
  | 'CONCURRENT_TRANSACTIONS'
  | 'GROUP_MAX_SIZE_REACHED'
  | 'PEER_NOT_INSTALLED'

/**
 * Kafka's error table, as far as brokerlet speaks it: name, number and whether trying again can help
 * (Kafka: `org.apache.kafka.common.protocol.Errors`). Number -1 marks what happens in a client and never crosses a wire.
 */
export const errorCodes: Readonly<
  Record<ErrorCode, { readonly errno: number; readonly retriable: boolean }>
> = {
  UNKNOWN_SERVER_ERROR: { errno: -1, retriable: false },
  OFFSET_OUT_OF_RANGE: { errno: 1, retriable: false },
  OPERATION_NOT_ATTEMPTED: { errno: 55, retriable: false },
  INVALID_TXN_STATE: { errno: 48, retriable: false },
  INVALID_PRODUCER_ID_MAPPING: { errno: 49, retriable: false },
  INVALID_REGULAR_EXPRESSION: { errno: 128, retriable: false },
  UNSUPPORTED_ASSIGNOR: { errno: 112, retriable: false },
  FENCED_MEMBER_EPOCH: { errno: 110, retriable: false },
  UNSUPPORTED_SASL_MECHANISM: { errno: 33, retriable: false },
  ILLEGAL_SASL_STATE: { errno: 34, retriable: false },
  SASL_AUTHENTICATION_FAILED: { errno: 58, retriable: false },
  CORRUPT_MESSAGE: { errno: 2, retriable: true },
  COORDINATOR_NOT_AVAILABLE: { errno: 15, retriable: true },
  ILLEGAL_GENERATION: { errno: 22, retriable: false },
  REBALANCE_IN_PROGRESS: { errno: 27, retriable: false },
  UNSUPPORTED_VERSION: { errno: 35, retriable: false },
  UNSUPPORTED_FOR_MESSAGE_FORMAT: { errno: 43, retriable: false },
  INVALID_REPLICATION_FACTOR: { errno: 38, retriable: false },
  INVALID_REPLICA_ASSIGNMENT: { errno: 39, retriable: false },
  FENCED_INSTANCE_ID: { errno: 82, retriable: false },
  UNSUPPORTED_COMPRESSION_TYPE: { errno: 76, retriable: false },
  UNKNOWN_TOPIC_ID: { errno: 100, retriable: true },
  MEMBER_ID_REQUIRED: { errno: 79, retriable: false },
  UNKNOWN_TOPIC_OR_PARTITION: { errno: 3, retriable: true },
  REQUEST_TIMED_OUT: { errno: 7, retriable: true },
  MESSAGE_TOO_LARGE: { errno: 10, retriable: false },
  OFFSET_METADATA_TOO_LARGE: { errno: 12, retriable: false },
  INVALID_TOPIC_EXCEPTION: { errno: 17, retriable: false },
  RECORD_LIST_TOO_LARGE: { errno: 18, retriable: false },
  INCONSISTENT_GROUP_PROTOCOL: { errno: 23, retriable: false },
  INVALID_GROUP_ID: { errno: 24, retriable: false },
  UNKNOWN_MEMBER_ID: { errno: 25, retriable: false },
  INVALID_TIMESTAMP: { errno: 32, retriable: false },
  TOPIC_ALREADY_EXISTS: { errno: 36, retriable: false },
  INVALID_PARTITIONS: { errno: 37, retriable: false },
  INVALID_CONFIG: { errno: 40, retriable: false },
  INVALID_REQUEST: { errno: 42, retriable: false },
  OUT_OF_ORDER_SEQUENCE_NUMBER: { errno: 45, retriable: false },
  INVALID_PRODUCER_EPOCH: { errno: 47, retriable: false },
  NON_EMPTY_GROUP: { errno: 68, retriable: false },
  GROUP_ID_NOT_FOUND: { errno: 69, retriable: false },
  UNKNOWN_LEADER_EPOCH: { errno: 75, retriable: true },
  TRANSACTIONAL_ID_NOT_FOUND: { errno: 105, retriable: false },
  GROUP_SUBSCRIBED_TO_TOPIC: { errno: 86, retriable: false },
  INVALID_RECORD: { errno: 87, retriable: false },
  PRODUCER_FENCED: { errno: 90, retriable: false },
  UNRELEASED_INSTANCE_ID: { errno: 111, retriable: false },
  STALE_MEMBER_EPOCH: { errno: 113, retriable: false },
  STREAMS_INVALID_TOPOLOGY: { errno: 130, retriable: false },
  TRANSACTION_ABORTABLE: { errno: 120, retriable: false },
  NO_OFFSET_FOR_PARTITION: { errno: -1, retriable: false },
  QUEUE_FULL: { errno: -1, retriable: true },
  INVALID_ASSIGNMENT: { errno: -1, retriable: false },
  ILLEGAL_STATE: { errno: -1, retriable: false },
  CLOSED: { errno: -1, retriable: false },
  NEVER_IDLE: { errno: -1, retriable: false },
  CONSUMER_CRASHED: { errno: -1, retriable: false },
  BATCH_FAILED: { errno: -1, retriable: true },
  NETWORK_EXCEPTION: { errno: 13, retriable: true },
  NOT_ENOUGH_REPLICAS: { errno: 19, retriable: true },
  TOPIC_AUTHORIZATION_FAILED: { errno: 29, retriable: false },
  GROUP_AUTHORIZATION_FAILED: { errno: 30, retriable: false },
  CLUSTER_AUTHORIZATION_FAILED: { errno: 31, retriable: false },
  TRANSACTIONAL_ID_AUTHORIZATION_FAILED: { errno: 53, retriable: false },
  POLICY_VIOLATION: { errno: 44, retriable: false },
  INVALID_TRANSACTION_TIMEOUT: { errno: 50, retriable: false },
  CONCURRENT_TRANSACTIONS: { errno: 51, retriable: true },
  GROUP_MAX_SIZE_REACHED: { errno: 81, retriable: false },
  PEER_NOT_INSTALLED: { errno: -1, retriable: false },
}
