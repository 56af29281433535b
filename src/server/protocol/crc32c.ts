// Castagnoli's polynomial, reflected.
const polynomial = 0x82f63b78

// Sixteen tables, so that a step takes sixteen bytes. Signed, because signed values stay small integers.
const tables: readonly Int32Array[] = Array.from({ length: 16 }, () => new Int32Array(256))

for (let i = 0; i < 256; i++) {
  let value = i
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ polynomial : value >>> 1
  tables[0]![i] = value
}
for (let i = 0; i < 256; i++) {
  for (let t = 1; t < 16; t++) {
    const before = tables[t - 1]![i]!
    tables[t]![i] = tables[0]![before & 0xff]! ^ (before >>> 8)
  }
}

const [t0, t1, t2, t3, t4, t5, t6, t7, t8, t9, t10, t11, t12, t13, t14, t15] = tables as unknown as readonly [
  Int32Array,
  Int32Array,
  Int32Array,
  Int32Array,
  Int32Array,
  Int32Array,
  Int32Array,
  Int32Array,
  Int32Array,
  Int32Array,
  Int32Array,
  Int32Array,
  Int32Array,
  Int32Array,
  Int32Array,
  Int32Array,
]

// Words are read in the byte order of the machine.
const littleEndian = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1

type Checksum = (bytes: Buffer) => number

// Uses the processor's own instruction, if a package provides it. For a few bytes the call costs more than it saves.
let native: Checksum | undefined
const fewBytes = 512

/** Lets another function make checksums, which has to return the same ones. */
export function setNativeCrc32c(checksum: Checksum | undefined): void {
  native = checksum
}

/** The checksum of record batches (CRC-32C), which zlib's `crc32` is not. */
export function crc32c(bytes: Uint8Array): number {
  if (native === undefined || bytes.length < fewBytes) return byTables(bytes)
  return native(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length))
}

function byTables(bytes: Uint8Array): number {
  const aligned = Math.min(bytes.length, -bytes.byteOffset & 3)
  const words = littleEndian ? ((bytes.length - aligned) >> 4) << 2 : 0
  let crc = byBytes(-1, bytes, 0, aligned)
  const view = new Int32Array(bytes.buffer, words === 0 ? 0 : bytes.byteOffset + aligned, words)
  for (let i = 0; i < words; i += 4) {
    const a = view[i]! ^ crc
    const b = view[i + 1]!
    const c = view[i + 2]!
    const d = view[i + 3]!
    crc =
      t15[a & 0xff]! ^
      t14[(a >>> 8) & 0xff]! ^
      t13[(a >>> 16) & 0xff]! ^
      t12[a >>> 24]! ^
      t11[b & 0xff]! ^
      t10[(b >>> 8) & 0xff]! ^
      t9[(b >>> 16) & 0xff]! ^
      t8[b >>> 24]! ^
      t7[c & 0xff]! ^
      t6[(c >>> 8) & 0xff]! ^
      t5[(c >>> 16) & 0xff]! ^
      t4[c >>> 24]! ^
      t3[d & 0xff]! ^
      t2[(d >>> 8) & 0xff]! ^
      t1[(d >>> 16) & 0xff]! ^
      t0[d >>> 24]!
  }
  return ~byBytes(crc, bytes, aligned + words * 4, bytes.length) >>> 0
}

function byBytes(crc: number, bytes: Uint8Array, from: number, to: number): number {
  let value = crc
  for (let i = from; i < to; i++) value = t0[(value ^ bytes[i]!) & 0xff]! ^ (value >>> 8)
  return value
}
