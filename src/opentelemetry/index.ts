/**
 * `brokerlet/opentelemetry`: spans and metrics, by one call of {@link instrument}; `docs/guide.md`, Watching, explains it.
 *
 * @packageDocumentation
 */
export { type InstrumentOptions, instrument } from './instrument.ts'
export type { Described } from './measurements.ts'
