import { isBrokerletError } from '../errors.ts'
import type { Topic } from '../log/topic.ts'
import { decompress } from './compression.ts'
import {
  type RecordBatchHeader,
  readHeader,
  readRecords,
  type WireRecord,
  writeBatch,
} from './protocol/record-batch.ts'
import { checkHeader, toEncodedBatch } from './wire-batch.ts'

/** A record because of which its batch was refused. (Kafka: BatchIndexAndErrorMessage) */
export interface RecordError {
  readonly batchIndex: number
  readonly batchIndexErrorMessage: string
}

/** The records of a refused batch that would be refused alone, too; none if the batch itself was at fault (KIP-467). */
export function recordErrors(topic: Topic, batch: RecordBatchHeader, now: number): RecordError[] {
  return recordsOf(topic, batch).flatMap((record, batchIndex) => {
    try {
      const alone = readHeader(writeBatch([{ ...record, offset: 0 }]))
      topic.admitBatch(toEncodedBatch(topic, alone, now), now)
      return []
    } catch (error) {
      if (!isBrokerletError(error)) throw error
      return [{ batchIndex, batchIndexErrorMessage: error.message }]
    }
  })
}

// None are looked at where the header is wrong; and where they are not what it says, they may not be readable.
function recordsOf(topic: Topic, batch: RecordBatchHeader): readonly WireRecord[] {
  try {
    checkHeader(topic, batch)
    return readRecords(batch, decompress)
  } catch {
    return []
  }
}
