/**
 * `brokerlet/server`: serves a broker to Kafka clients. Begin with {@link socketFactory} for KafkaJS, with {@link serve} for
 * any other client; `docs/kafka-clients.md` explains them.
 *
 * @packageDocumentation
 */
export type { Barrier, FaultRuleUse, FaultTimes } from '../fault-rules.ts'
export type {
  Acl,
  AclOperation,
  AclPatternType,
  AclPermissionType,
  AclResourceType,
} from './authorizer/acl.ts'
export type { AuthorizerOptions } from './authorizer/authorizer-options.ts'
export type { ClientIdentity, PrincipalBuilder } from './authorizer/principal-builder.ts'
export { type LoggedRequest, RequestLog, type RequestOutcome } from './faults/request-log.ts'
export { WireFaults, type WireFaultUse } from './faults/wire-faults.ts'
export type { RequestPoint, WireScope } from './faults/wire-scope.ts'
export { connect, type SocketRequest, socketFactory } from './in-process.ts'
export type { ApiName } from './protocol/api-name.ts'
export type { SaslMechanism, SaslOptions } from './sasl/sasl-options.ts'
export { type KafkaServer, type ServeOptions, serve } from './serve.ts'
export type { ServedBroker } from './served-broker.ts'
export type { WireErrorCode } from './wire-error-code.ts'
export type { WireOptions } from './wire-options.ts'
