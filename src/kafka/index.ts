/**
 * `brokerlet/kafka`: the same producers and consumers on a real cluster. Begin with {@link connect}; `docs/kafka.md`
 * explains it.
 *
 * @packageDocumentation
 */
export type { ClientSaslOptions, OAuthBearerExtensions, Secret } from './client-sasl.ts'
export { ClusterError } from './cluster-error.ts'
export type { ConnectOptions } from './connect-options.ts'
export { connect, KafkaConnection } from './kafka-connection.ts'
export {
  type MirroredBroker,
  type MirroredPartition,
  type MirrorOptions,
  type MirrorSummary,
  mirror,
} from './mirror.ts'
export { type PortabilityNote, type PortableBroker, portability } from './portability.ts'
