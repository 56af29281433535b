import { isUtf8 } from 'node:buffer'
import { crc32c } from './crc32c.ts'
import { ProtocolError } from './protocol-error.ts'
import { Reader } from './reader.ts'
import { varintSize, varlongSize, Writer } from './writer.ts'

/** A record on the wire. */
export interface WireRecord {
  readonly timestamp: number
  readonly offset: number
  readonly key: Buffer | null
  readonly value: Buffer | null
  readonly headers: readonly (readonly [name: string, value: Buffer | null])[]
}

export type CompressionName = 'none' | 'gzip' | 'snappy' | 'lz4' | 'zstd'

const compressions: readonly CompressionName[] = ['none', 'gzip', 'snappy', 'lz4', 'zstd']

/** The header of a record batch (magic 2, KIP-98). */
export interface RecordBatchHeader {
  readonly baseOffset: number
  /** The bytes of the whole batch, including this header. */
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

/** The bytes of a batch before its records. */
export const headerLength = 61
// Of a batch of an old magic.
const leastLength = 26
// Where the length field ends, where the magic and the checksum are, and from where on the checksum counts.
const lengthEnd = 12
const magicAt = 16
const crcAt = 17
const crcFrom = 21
const attributesEnd = 23
const maxTimestampAt = 35

const compressionBits = 0b111

/** A batch that is refused; `kind` tells Kafka's error for it. */
export class CorruptBatchError extends ProtocolError {
  override readonly name: string = 'CorruptBatchError'
  readonly kind: 'corrupt' | 'compression' | 'packed' | 'record'

  constructor(kind: CorruptBatchError['kind'], message: string) {
    super(message)
    this.kind = kind
  }
}

/**
 * Splits the records of a request into whole batches, of which only the places are looked at. What is cut short at the
 * end is none. (Kafka: ByteBufferLogInputStream)
 *
 * @throws CorruptBatchError if there is something else than a batch
 */
export function splitBatches(bytes: Buffer): Buffer[] {
  const batches: Buffer[] = []
  for (let at = 0; bytes.length - at > magicAt; ) {
    const magic = bytes.readInt8(at + magicAt)
    const length = bytes.readInt32BE(at + 8) + lengthEnd
    if (length < leastLength || magic < 0 || magic > 2) {
      throw new CorruptBatchError('corrupt', `a batch of magic ${magic} and of ${length} bytes`)
    }
    if (at + length > bytes.length) break
    if (magic !== 2) {
      throw new CorruptBatchError('record', `expected record batches of magic 2, received ${magic}`)
    }
    batches.push(bytes.subarray(at, at + length))
    at += length
  }
  return batches
}

/** Splits the records of a request into batches, and reads their headers. @throws CorruptBatchError as both do */
export function readBatches(bytes: Buffer): RecordBatchHeader[] {
  return splitBatches(bytes).map(readChecked)
}

/** Reads the header of one whole batch of a client. @throws CorruptBatchError if it is not as it was sent */
export function readChecked(bytes: Buffer): RecordBatchHeader {
  if (bytes.length < headerLength) throw new CorruptBatchError('corrupt', `a batch of ${bytes.length} bytes`)
  if (bytes.readUInt32BE(crcAt) !== crc32c(bytes.subarray(crcFrom))) {
    throw new CorruptBatchError('corrupt', 'the checksum does not match')
  }
  return readHeader(bytes)
}

/** Reads the header of one whole batch. */
export function readHeader(bytes: Buffer): RecordBatchHeader {
  const reader = new Reader(bytes)
  const baseOffset = reader.int64()
  reader.skip(crcFrom - 8)
  const attributes = reader.int16()
  const compression = compressions[attributes & compressionBits]
  if (compression === undefined) {
    throw new CorruptBatchError('compression', `unknown compression ${attributes & compressionBits}`)
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

/** Decompresses the records of a batch, by the compression that it names. */
export type Decompress = (compression: CompressionName, bytes: Buffer) => Buffer

/** Reads the records of a batch. */
export function readRecords(batch: RecordBatchHeader, decompress: Decompress): WireRecord[] {
  return [...eachRecord(batch, decompress)]
}

/** Reads the records of a batch one by one: all together they may take thirty times the memory of the batch. */
export function* eachRecord(batch: RecordBatchHeader, decompress: Decompress): Generator<WireRecord> {
  const reader = readerOf(batch, decompress)
  for (let i = 0; i < batch.count; i++) yield readRecord(reader, batch)
  reader.end()
}

function readerOf(batch: RecordBatchHeader, decompress: Decompress): Reader {
  const packed = batch.bytes.subarray(headerLength)
  const bytes = batch.compression === 'none' ? packed : decompress(batch.compression, packed)
  if (batch.count > bytes.length) {
    throw new CorruptBatchError('record', `a batch of ${batch.count} records in ${bytes.length} bytes`)
  }
  return new Reader(bytes)
}

/** What a log has to know of a batch whose bytes it keeps as they came. */
export interface RecordFacts {
  readonly minTimestamp: number
  readonly maxTimestamp: number
  /** Whether every record has a key. */
  readonly keyed: boolean
  /** Whether every key is text. */
  readonly textKeys: boolean
  /** The size of its records in bytes, without compression. */
  readonly unpackedSize: number
}

/**
 * Inspects the records of a batch without making objects of them.
 *
 * @throws CorruptBatchError if they are not what the header says, or one has more than so many bytes
 */
export function inspectRecords(
  batch: RecordBatchHeader,
  decompress: Decompress,
  mostBytes: number = Number.POSITIVE_INFINITY,
): RecordFacts {
  try {
    return inspect(batch, decompress, mostBytes)
  } catch (error) {
    if (!(error instanceof ProtocolError) || error instanceof CorruptBatchError) throw error
    throw new CorruptBatchError('record', error.message)
  }
}

function inspect(batch: RecordBatchHeader, decompress: Decompress, mostBytes: number): RecordFacts {
  const reader = readerOf(batch, decompress)
  let minTimestamp = Number.POSITIVE_INFINITY
  let maxTimestamp = Number.NEGATIVE_INFINITY
  let keyed = true
  let textKeys = true
  for (let i = 0; i < batch.count; i++) {
    const length = reader.varint()
    if (length > mostBytes) {
      throw new CorruptBatchError('record', `record ${i} has ${length} bytes, expected at most ${mostBytes}`)
    }
    const end = reader.offset + length
    reader.skip(1)
    const timestamp = batch.baseTimestamp + reader.varlong()
    if (timestamp < minTimestamp) minTimestamp = timestamp
    if (timestamp > maxTimestamp) maxTimestamp = timestamp
    const delta = reader.varint()
    if (delta !== i) throw new CorruptBatchError('record', `record ${i} says that it is number ${delta}`)
    const keyLength = reader.varint()
    if (keyLength < 0) keyed = false
    else if (textKeys) textKeys = isText(reader, keyLength)
    else reader.skip(keyLength)
    skipBytes(reader)
    const headers = reader.varint()
    if (headers < 0) throw new CorruptBatchError('record', `record ${i} has ${headers} headers`)
    for (let left = headers; left > 0; left--) {
      reader.skip(reader.varint())
      skipBytes(reader)
    }
    if (reader.offset !== end) throw notAsLong()
  }
  reader.end()
  return { minTimestamp, maxTimestamp, keyed, textKeys, unpackedSize: reader.offset }
}

function isText(reader: Reader, length: number): boolean {
  const from = reader.offset
  reader.skip(length)
  const { bytes } = reader
  for (let i = from; i < from + length; i++) {
    if (bytes[i]! >= 0x80) return isUtf8(bytes.subarray(from, from + length))
  }
  return true
}

function skipBytes(reader: Reader): void {
  const length = reader.varint()
  if (length > 0) reader.skip(length)
}

function notAsLong(): CorruptBatchError {
  return new CorruptBatchError('record', 'a record is not as long as it says')
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
  if (reader.offset !== end) throw notAsLong()
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

// --- writing ----------------------------------------------------------------------------------------------------------

/** Writes records, in the order of their offsets, as one batch without compression. The list must not be empty. */
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
  seal(bytes)
  return bytes
}

const appendTimeType = 1 << 3
const transactional = 1 << 4
const control = 1 << 5
const deleteHorizon = 1 << 6

/** Whether any batch of a request says that it is part of a transaction; nothing else of it is checked. */
export function hasTransaction(
  topicData: readonly { readonly partitionData: readonly { readonly records: Buffer | null }[] }[],
): boolean {
  return topicData.some(({ partitionData }) =>
    partitionData.some(({ records }) => records !== null && isInTransaction(records)),
  )
}

function isInTransaction(batch: Buffer): boolean {
  if (batch.length < attributesEnd || batch[magicAt] !== 2) return false
  return (batch[attributesEnd - 1]! & transactional) !== 0
}

/** Sets the offset of a batch's first record, and its partition's leader epoch, which is 0. */
export function placeBatch(batch: Buffer, baseOffset: number): void {
  const high = Math.floor(baseOffset / 0x100000000)
  batch.writeInt32BE(high, 0)
  batch.writeUInt32BE(baseOffset - high * 0x100000000, 4)
  batch.writeInt32BE(0, lengthEnd)
}

const largestInt64 = 2n ** 63n - 1n

/** Sets the largest timestamp of a batch; `append`: the timestamp of all its records. */
export function stampBatch(batch: Buffer, maxTimestamp: number, type: 'create' | 'append'): void {
  // A bit without a meaning is gone then. (Java: DefaultRecordBatch.computeAttributes)
  const attributes = batch[attributesEnd - 1]! & (compressionBits | transactional | control | deleteHorizon)
  batch.writeInt16BE(type === 'append' ? attributes | appendTimeType : attributes, attributesEnd - 2)
  const time = BigInt(maxTimestamp)
  batch.writeBigInt64BE(time > largestInt64 ? largestInt64 : time, maxTimestampAt)
  seal(batch)
}

function seal(batch: Buffer): void {
  batch.writeUInt32BE(crc32c(batch.subarray(crcFrom)), crcAt)
}

/**
 * Writes a batch that ends a transaction. Clients skip it and go on after its offset: so it can stand for all offsets
 * that a reader gets nothing of.
 */
export function writeControlBatch(offset: number, timestamp: number): Buffer {
  // Version 0 of a commit marker's key, and of its value (EndTransactionMarker).
  const key = Buffer.from([0, 0, 0, 1])
  const value = Buffer.alloc(6)
  return writeBatch([{ offset, timestamp, key, value, headers: [] }], transactional | control)
}

function writeRecord(
  writer: Writer,
  { timestamp, offset, key, value, headers }: WireRecord,
  first: WireRecord,
): void {
  const timestampDelta = timestamp - first.timestamp
  const offsetDelta = offset - first.offset
  const names = headers.map(([name]) => Buffer.byteLength(name))
  let length = 1 + varlongSize(timestampDelta) + varintSize(offsetDelta) + sizeOf(key) + sizeOf(value)
  length += varintSize(headers.length)
  for (let i = 0; i < headers.length; i++)
    length += varintSize(names[i]!) + names[i]! + sizeOf(headers[i]![1])
  writer.varint(length)
  writer.int8(0)
  writer.varlong(timestampDelta)
  writer.varint(offsetDelta)
  writeBytes(writer, key)
  writeBytes(writer, value)
  writer.varint(headers.length)
  for (let i = 0; i < headers.length; i++) {
    const [name, each] = headers[i]!
    writer.varint(names[i]!)
    writer.utf8(name, names[i]!)
    writeBytes(writer, each)
  }
}

function sizeOf(bytes: Uint8Array | null): number {
  return bytes === null ? 1 : varintSize(bytes.length) + bytes.length
}

function writeBytes(writer: Writer, value: Uint8Array | null): void {
  if (value === null) return writer.varint(-1)
  writer.varint(value.length)
  writer.bytes(value)
}
