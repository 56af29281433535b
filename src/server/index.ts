export { connect, type SocketRequest, socketFactory } from './in-process.ts'
export type { SaslMechanism, SaslOptions } from './sasl/sasl-options.ts'
export { type KafkaServer, type ServeOptions, serve } from './serve.ts'
export type { WireOptions } from './wire-server.ts'
