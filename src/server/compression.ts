import { gunzipSync } from 'node:zlib'
import { type CompressionName, CorruptBatchError } from './protocol/record-batch.ts'

/** Undoes the compression of a batch. */
export function decompress(compression: CompressionName, bytes: Buffer): Buffer {
  if (compression !== 'gzip') {
    throw new CorruptBatchError(
      'compression',
      `expected records without compression or with gzip, received ${compression}`,
    )
  }
  try {
    return gunzipSync(bytes)
  } catch (error) {
    throw new CorruptBatchError('corrupt', `a batch of gzip that cannot be read: ${String(error)}`)
  }
}
