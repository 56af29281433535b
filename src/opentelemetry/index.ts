export { type InstrumentOptions, instrument } from './instrument.ts'
export type { Described } from './measurements.ts'
