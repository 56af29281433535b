import type { Row } from './row.ts'
import { kafkaJsRows } from './rows/kafkajs.ts'
import { librdkafkaRows } from './rows/librdkafka.ts'
import { memory } from './rows/memory.ts'
import { platformaticRow } from './rows/platformatic.ts'

/** Every row, in the order of the table. */
export const rows: readonly Row[] = [...kafkaJsRows, ...librdkafkaRows, platformaticRow, memory]
