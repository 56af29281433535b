import { ProtocolError } from './protocol-error.ts'
import type { Reader } from './reader.ts'
import type { Writer } from './writer.ts'

/** The version of a message, and whether it is one with compact lengths and tagged fields (KIP-482). */
export interface Version {
  readonly version: number
  readonly flexible: boolean
}

/** How a value in a message is read and written. A writer may leave out what has a default. */
export interface Type<out Read, in Write = Read> {
  read(reader: Reader, version: Version): Read
  write(writer: Writer, value: Write, version: Version): void
  /** The value if the message's version does not have it, or the writer leaves it out. */
  readonly zero: Read
}

function fixed<T>(zero: T, read: (reader: Reader) => T, write: (writer: Writer, value: T) => void): Type<T> {
  return { zero, read, write }
}

export const bool: Type<boolean> = fixed(
  false as boolean,
  reader => reader.int8() !== 0,
  (writer, value) => writer.int8(value ? 1 : 0),
)
export const int8: Type<number> = fixed(
  0 as number,
  reader => reader.int8(),
  (writer, value) => writer.int8(value),
)
export const int16: Type<number> = fixed(
  0 as number,
  reader => reader.int16(),
  (writer, value) => writer.int16(value),
)
export const uint16: Type<number> = fixed(
  0 as number,
  reader => reader.int16() & 0xffff,
  (writer, value) => writer.int16((value << 16) >> 16),
)
export const int32: Type<number> = fixed(
  0 as number,
  reader => reader.int32(),
  (writer, value) => writer.int32(value),
)
export const int64: Type<number> = fixed(
  0 as number,
  reader => reader.int64(),
  (writer, value) => writer.int64(value),
)
export const float64: Type<number> = fixed(
  0 as number,
  reader => reader.float64(),
  (writer, value) => writer.float64(value),
)

/** Stands for no id. */
export const noUuid = '00000000-0000-0000-0000-000000000000'

/** A UUID as text: `8-4-4-4-12` hexadecimal digits. */
export const uuid: Type<string> = fixed(
  noUuid,
  reader => {
    const hex = reader.take(16).toString('hex')
    return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`
  },
  (writer, value) => writer.bytes(Buffer.from(value.replaceAll('-', ''), 'hex')),
)

// --- what has a length ------------------------------------------------------------------------------------------------

type LengthWidth = 'int16' | 'int32'

/** Reads a length, or -1 for null. */
function readLength(reader: Reader, { flexible }: Version, width: LengthWidth): number {
  return flexible ? reader.uvarint() - 1 : reader[width]()
}

function writeLength(writer: Writer, length: number, { flexible }: Version, width: LengthWidth): void {
  if (flexible) writer.uvarint(length + 1)
  else writer[width](length)
}

function requireNotNull(length: number): void {
  if (length < 0) throw new ProtocolError(`expected a length of 0 or more, received ${length}`)
}

// As much as versions without compact lengths can tell: others get to see what was said in newer ones. (Kafka:
// MessageDataGenerator)
const mostStringBytes = 0x7fff

export const string: Type<string> = {
  zero: '',
  read(reader, version) {
    const length = readLength(reader, version, 'int16')
    requireNotNull(length)
    if (length > mostStringBytes) {
      throw new ProtocolError(`expected a string of at most ${mostStringBytes} bytes, received ${length}`)
    }
    return reader.utf8(length)
  },
  write(writer, value, version) {
    const length = Buffer.byteLength(value)
    writeLength(writer, length, version, 'int16')
    writer.utf8(value, length)
  },
}

/** Bytes, read as a view of the frame. */
export const bytes: Type<Buffer, Uint8Array> = {
  zero: Buffer.alloc(0),
  read(reader, version) {
    const length = readLength(reader, version, 'int32')
    requireNotNull(length)
    return reader.take(length)
  },
  write(writer, value, version) {
    writeLength(writer, value.length, version, 'int32')
    writer.bytes(value)
  },
}

/** Record batches in pieces, which are written one after another. */
export type RecordPieces = readonly Uint8Array[]

/** Record batches, read and written as they are. */
export const records: Type<Buffer | null, RecordPieces | null> = {
  zero: null,
  read(reader, version) {
    const length = readLength(reader, version, 'int32')
    return length < 0 ? null : reader.take(length)
  },
  write(writer, value, version) {
    if (value === null) return writeLength(writer, -1, version, 'int32')
    let length = 0
    for (const piece of value) length += piece.length
    writeLength(writer, length, version, 'int32')
    for (const piece of value) writer.bytes(piece)
  },
}

export function array<Read, Write>(type: Type<Read, Write>): Type<Read[], readonly Write[]> {
  return {
    zero: [],
    read(reader, version) {
      const count = readLength(reader, version, 'int32')
      requireNotNull(count)
      // Every element takes at least one byte, so no room is made for a count beyond the bytes that are left.
      if (count > reader.remaining) {
        throw new ProtocolError(`expected an array of at most ${reader.remaining}, received ${count}`)
      }
      reader.countEntries(count)
      const values = new Array<Read>(count)
      for (let i = 0; i < count; i++) values[i] = type.read(reader, version)
      return values
    },
    write(writer, values, version) {
      writeLength(writer, values.length, version, 'int32')
      for (const value of values) type.write(writer, value, version)
    },
  }
}

/** A string, bytes or an array that may be null from one version on; before that null is written as empty. */
export function nullable<Read, Write>(
  type: Type<Read, Write>,
  since: number = 0,
): Type<Read | null, Write | null> {
  const width: LengthWidth = (type as unknown) === string ? 'int16' : 'int32'
  return {
    zero: type.zero,
    read(reader, version) {
      if (version.version < since) return type.read(reader, version)
      const isNull = reader.peek(r => readLength(r, version, width) < 0)
      if (!isNull) return type.read(reader, version)
      readLength(reader, version, width)
      return null
    },
    write(writer, value, version) {
      if (value !== null) type.write(writer, value, version)
      else writeLength(writer, version.version < since ? 0 : -1, version, width)
    },
  }
}
