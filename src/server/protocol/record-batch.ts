import { crc32c } from './crc32c.ts'
import { ProtocolError } from './protocol-error.ts'
import { Reader } from './reader.ts'
import { Writer } from './writer.ts'

/** A record as the wire has it. */
export interface WireRecord {
  readonly timestamp: number
  readonly offset: number
  readonly key: Buffer | null
  readonly value: Buffer | null
  readonly headers: readonly (readonly [name: string, value: Buffer | null])[]
}

export type CompressionName = 'none' | 'gzip' | 'snappy' | 'lz4' | 'zstd'

const compressions: readonly CompressionName[] = ['none', 'gzip', 'snappy', 'lz4', 'zstd']

/** What stands before the records of a batch (magic 2, KIP-98). */
export interface RecordBatchHeader {
  readonly baseOffset: number
  /** Of the whole batch, this header included. */
  readonly bytes: Buffer
  readonly compression: CompressionName
  readonly timestampType: 'create' | 'append'
  readonly transactional: boolean
  readonly control: boolean
  readonly lastOffsetDelta: number
  readonly baseTimestamp: number
  readonly maxTimestamp: number
  readonly producerId: number
  readonly producerEpoch: number
  readonly baseSequence: number
  readonly count: number
}

const headerLength = 61
// Where the length of the rest ends, where the checksum stands, and from where on it counts.
const lengthEnd = 12
const magicAt = 16
const crcAt = 17
const crcFrom = 21

/** A batch that cannot be taken; `kind` says what Kafka calls it. */
export class CorruptBatchError extends ProtocolError {
  override readonly name: string = 'CorruptBatchError'
  readonly kind: 'corrupt' | 'magic' | 'compression'

  constructor(kind: CorruptBatchError['kind'], message: string) {
    super(message)
    this.kind = kind
  }
}

/**
 * Splits what a request carries into its batches, without looking into them.
 *
 * @throws CorruptBatchError where one is cut short, has another magic or a checksum that is not its own
 */
export function readBatches(bytes: Buffer): RecordBatchHeader[] {
  const batches: RecordBatchHeader[] = []
  for (let at = 0; at < bytes.length; ) {
    if (bytes.length - at < crcFrom) throw new CorruptBatchError('corrupt', 'a batch is cut short')
    const magic = bytes.readInt8(at + magicAt)
    if (magic !== 2)
      throw new CorruptBatchError('magic', `expected record batches of magic 2, received ${magic}`)
    const length = bytes.readInt32BE(at + 8) + lengthEnd
    if (length < headerLength || at + length > bytes.length) {
      throw new CorruptBatchError('corrupt', `a batch of ${length} bytes in ${bytes.length - at}`)
    }
    batches.push(readHeader(bytes.subarray(at, at + length)))
    at += length
  }
  return batches
}

function readHeader(bytes: Buffer): RecordBatchHeader {
  const reader = new Reader(bytes)
  const baseOffset = reader.int64()
  reader.take(crcAt - 8)
  const crc = reader.uint32()
  if (crc !== crc32c(bytes.subarray(crcFrom)))
    throw new CorruptBatchError('corrupt', 'the checksum does not match')
  const attributes = reader.int16()
  const compression = compressions[attributes & 7]
  if (compression === undefined) {
    throw new CorruptBatchError('compression', `unknown compression ${attributes & 7}`)
  }
  return {
    baseOffset,
    bytes,
    compression,
    timestampType: attributes & 8 ? 'append' : 'create',
    transactional: (attributes & 16) !== 0,
    control: (attributes & 32) !== 0,
    lastOffsetDelta: reader.int32(),
    baseTimestamp: reader.int64(),
    maxTimestamp: reader.int64(),
    producerId: reader.int64(),
    producerEpoch: reader.int16(),
    baseSequence: reader.int32(),
    count: reader.int32(),
  }
}

/** The records of a batch; `decompress` undoes what its header says. */
export function readRecords(
  batch: RecordBatchHeader,
  decompress: (compression: CompressionName, bytes: Buffer) => Buffer,
): WireRecord[] {
  const packed = batch.bytes.subarray(headerLength)
  const bytes = batch.compression === 'none' ? packed : decompress(batch.compression, packed)
  const reader = new Reader(bytes)
  if (batch.count < 0 || batch.count > bytes.length) {
    throw new CorruptBatchError('corrupt', `a batch of ${batch.count} records in ${bytes.length} bytes`)
  }
  const records = new Array<WireRecord>(batch.count)
  for (let i = 0; i < batch.count; i++) records[i] = readRecord(reader, batch)
  reader.end()
  return records
}

function readRecord(reader: Reader, batch: RecordBatchHeader): WireRecord {
  const length = reader.varint()
  const end = reader.offset + length
  reader.int8()
  const timestamp = batch.baseTimestamp + reader.varlong()
  const offset = batch.baseOffset + reader.varint()
  const key = readBytes(reader)
  const value = readBytes(reader)
  const count = reader.varint()
  const headers: [string, Buffer | null][] = []
  for (let i = 0; i < count; i++) headers.push([reader.utf8(reader.varint()), readBytes(reader)])
  if (reader.offset !== end) throw new CorruptBatchError('corrupt', 'a record is not as long as it says')
  return {
    timestamp: batch.timestampType === 'append' ? batch.maxTimestamp : timestamp,
    offset,
    key,
    value,
    headers,
  }
}

function readBytes(reader: Reader): Buffer | null {
  const length = reader.varint()
  return length < 0 ? null : reader.take(length)
}

/** Records, in order of their offsets, as one batch without compression; not an empty list. */
export function writeBatch(records: readonly WireRecord[], attributes: number = 0): Buffer {
  const first = records[0]!
  const last = records[records.length - 1]!
  let maxTimestamp = first.timestamp
  for (const { timestamp } of records) if (timestamp > maxTimestamp) maxTimestamp = timestamp
  const writer = new Writer()
  writer.int64(first.offset)
  // The length and the checksum are filled in at the end.
  writer.int32(0)
  writer.int32(0)
  writer.int8(2)
  writer.uint32(0)
  writer.int16(attributes)
  writer.int32(last.offset - first.offset)
  writer.int64(first.timestamp)
  writer.int64(maxTimestamp)
  writer.int64(-1)
  writer.int16(-1)
  writer.int32(-1)
  writer.int32(records.length)
  for (const record of records) writeRecord(writer, record, first)
  const bytes = writer.concat()
  bytes.writeInt32BE(bytes.length - lengthEnd, 8)
  bytes.writeUInt32BE(crc32c(bytes.subarray(crcFrom)), crcAt)
  return bytes
}

const transactional = 1 << 4
const control = 1 << 5

/**
 * A batch that says how a transaction ended. No client hands it out, and every client goes on after its offset: so it can
 * stand for all that a reader does not get.
 */
export function writeControlBatch(offset: number, timestamp: number): Buffer {
  // Version 0 of a commit (EndTransactionMarker), and of what it says.
  const key = Buffer.from([0, 0, 0, 1])
  const value = Buffer.alloc(6)
  return writeBatch([{ offset, timestamp, key, value, headers: [] }], transactional | control)
}

function writeRecord(
  writer: Writer,
  { timestamp, offset, key, value, headers }: WireRecord,
  first: WireRecord,
): void {
  const body = new Writer()
  body.int8(0)
  body.varlong(timestamp - first.timestamp)
  body.varint(offset - first.offset)
  writeBytes(body, key)
  writeBytes(body, value)
  body.varint(headers.length)
  for (const [name, each] of headers) {
    writeBytes(body, Buffer.from(name))
    writeBytes(body, each)
  }
  writer.varint(body.length)
  for (const chunk of body.chunks()) writer.bytes(chunk)
}

function writeBytes(writer: Writer, value: Uint8Array | null): void {
  if (value === null) return writer.varint(-1)
  writer.varint(value.length)
  writer.bytes(value)
}
