import { gunzipSync } from 'node:zlib'
import { Decompress } from 'fzstd'
import { uncompress as unsnap } from 'snappyjs'
import { decompressLz4 } from './lz4.ts'
import { type CompressionName, CorruptBatchError } from './protocol/record-batch.ts'

// The most bytes that a batch may decompress to: as many as the largest request.
const mostBytes: number = 100 * 1024 * 1024

/** Undoes the compression of a batch. */
export function decompress(compression: CompressionName, bytes: Buffer): Buffer {
  try {
    return decompressors[compression](bytes)
  } catch (error) {
    // Kafka has no error for it. At CORRUPT_MESSAGE a producer would send it again, in vain.
    throw new CorruptBatchError('packed', `a batch of ${compression} that cannot be read: ${String(error)}`)
  }
}

const decompressors: Readonly<Record<CompressionName, (bytes: Buffer) => Buffer>> = {
  none: bytes => bytes,
  gzip: bytes => gunzipSync(bytes, { maxOutputLength: mostBytes }),
  snappy: bytes =>
    bytes.subarray(0, xerial.length).equals(xerial) ? unxerial(bytes) : unsnap(bytes, mostBytes),
  lz4: bytes => decompressLz4(bytes, mostBytes),
  zstd: unzstd,
}

// Java's clients compress in chunks, each with its length before it (snappy-java, "xerial").
const xerial = Buffer.from('\x82SNAPPY\0', 'latin1')
const xerialHeader = xerial.length + 8

function unxerial(bytes: Buffer): Buffer {
  const chunks: Buffer[] = []
  let size = 0
  for (let at = xerialHeader; at < bytes.length; ) {
    const end = at + 4 + bytes.readInt32BE(at)
    if (end < at + 4 || end > bytes.length) throw new RangeError('a chunk is cut short')
    const chunk = unsnap(bytes.subarray(at + 4, end), mostBytes - size)
    chunks.push(chunk)
    size += chunk.length
    at = end
  }
  return Buffer.concat(chunks)
}

// Decompresses in steps, so that what grows too large is stopped on its way.
function unzstd(bytes: Buffer): Buffer {
  const chunks: Uint8Array[] = []
  let size = 0
  const stream = new Decompress(chunk => {
    size += chunk.length
    requireSize(size)
    chunks.push(chunk)
  })
  stream.push(bytes, true)
  return Buffer.concat(chunks)
}

function requireSize(size: number): void {
  if (size > mostBytes) throw new RangeError(`expected at most ${mostBytes} bytes`)
}
