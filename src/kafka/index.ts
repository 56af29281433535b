export { ClusterError } from './cluster-error.ts'
export type { ClientSaslOptions, ConnectOptions, Secret } from './connect-options.ts'
export { connect, KafkaConnection } from './kafka-connection.ts'
export {
  type MirroredBroker,
  type MirroredPartition,
  type MirrorOptions,
  type MirrorSummary,
  mirror,
} from './mirror.ts'
export { type PortabilityNote, type PortableBroker, portability } from './portability.ts'
