import { type ErrorCode, errnos } from '../../error-codes.ts'

// Errors of Kafka's protocol that are not in `errnos`. A server answers some by itself, and any if a fault says so.
const ofClusters = {
  LEADER_NOT_AVAILABLE: 5,
  NOT_LEADER_OR_FOLLOWER: 6,
  BROKER_NOT_AVAILABLE: 8,
  REPLICA_NOT_AVAILABLE: 9,
  NETWORK_EXCEPTION: 13,
  COORDINATOR_LOAD_IN_PROGRESS: 14,
  NOT_COORDINATOR: 16,
  NOT_ENOUGH_REPLICAS: 19,
  NOT_ENOUGH_REPLICAS_AFTER_APPEND: 20,
  INVALID_REQUIRED_ACKS: 21,
  TOPIC_AUTHORIZATION_FAILED: 29,
  GROUP_AUTHORIZATION_FAILED: 30,
  CLUSTER_AUTHORIZATION_FAILED: 31,
  NOT_CONTROLLER: 41,
  POLICY_VIOLATION: 44,
  DUPLICATE_SEQUENCE_NUMBER: 46,
  INVALID_TRANSACTION_TIMEOUT: 50,
  CONCURRENT_TRANSACTIONS: 51,
  TRANSACTIONAL_ID_AUTHORIZATION_FAILED: 53,
  SECURITY_DISABLED: 54,
  KAFKA_STORAGE_ERROR: 56,
  LOG_DIR_NOT_FOUND: 57,
  UNKNOWN_PRODUCER_ID: 59,
  DELEGATION_TOKEN_AUTH_DISABLED: 61,
  DELEGATION_TOKEN_REQUEST_NOT_ALLOWED: 64,
  GROUP_MAX_SIZE_REACHED: 81,
  FETCH_SESSION_ID_NOT_FOUND: 70,
  INVALID_FETCH_SESSION_EPOCH: 71,
  FETCH_SESSION_TOPIC_ID_ERROR: 106,
  FENCED_LEADER_EPOCH: 74,
  OFFSET_NOT_AVAILABLE: 78,
  PREFERRED_LEADER_NOT_AVAILABLE: 80,
  ELIGIBLE_LEADERS_NOT_AVAILABLE: 83,
  ELECTION_NOT_NEEDED: 84,
  NO_REASSIGNMENT_IN_PROGRESS: 85,
  UNSTABLE_OFFSET_COMMIT: 88,
  THROTTLING_QUOTA_EXCEEDED: 89,
  RESOURCE_NOT_FOUND: 91,
  DUPLICATE_RESOURCE: 92,
  UNACCEPTABLE_CREDENTIAL: 93,
  INVALID_UPDATE_VERSION: 95,
  MISMATCHED_ENDPOINT_TYPE: 114,
  UNSUPPORTED_ENDPOINT_TYPE: 115,
  INVALID_RECORD_STATE: 121,
  SHARE_SESSION_NOT_FOUND: 122,
  INVALID_SHARE_SESSION_EPOCH: 123,
  STREAMS_INVALID_TOPOLOGY_EPOCH: 131,
  STREAMS_TOPOLOGY_FENCED: 132,
  SHARE_SESSION_LIMIT_REACHED: 133,
} as const

/** Kafka's name of an error that a fault can answer with; a number stands for any other. */
export type WireErrorCode = ErrorCode | keyof typeof ofClusters

const numbers: ReadonlyMap<string, number> = new Map([
  ...Object.entries(errnos)
    // A client's own errors never cross the wire; Kafka's -1 is a broker's.
    .filter(([code, errno]) => errno >= 0 || code === 'UNKNOWN_SERVER_ERROR'),
  ...Object.entries(ofClusters),
])
const names: ReadonlyMap<number, string> = new Map([...numbers].map(([code, errno]) => [errno, code]))

/** The names of all errors that a fault can answer with. */
export const wireErrorNames: readonly string[] = [...numbers.keys()]

// Of Apache Kafka 4.3, which leaves no number before it out.
const lastErrno = 133

/** Kafka's numbers of errors, as text. */
export const errnoRange: string = `-1, or 1 to ${lastErrno}`

/** Whether Kafka has an error of this number. */
export function isErrno(value: number | undefined): value is number {
  return value === -1 || (value !== undefined && Number.isInteger(value) && value > 0 && value <= lastErrno)
}

/** Kafka's number of an error; undefined where it has none. */
export function errnoOfName(code: WireErrorCode): number
export function errnoOfName(code: string): number | undefined
export function errnoOfName(code: string): number | undefined {
  return numbers.get(code)
}

/** Kafka's name of an error, or its number as text. */
export function nameOfErrno(errno: number): string {
  return names.get(errno) ?? String(errno)
}
