// Castagnoli's polynomial, reflected.
const polynomial = 0x82f63b78

// Eight tables, so that a step takes eight bytes.
const tables: readonly Int32Array[] = Array.from({ length: 8 }, () => new Int32Array(256))

for (let i = 0; i < 256; i++) {
  let value = i
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ polynomial : value >>> 1
  tables[0]![i] = value
}
for (let i = 0; i < 256; i++) {
  for (let t = 1; t < 8; t++) {
    const before = tables[t - 1]![i]!
    tables[t]![i] = tables[0]![before & 0xff]! ^ (before >>> 8)
  }
}

const [t0, t1, t2, t3, t4, t5, t6, t7] = tables as [
  Int32Array,
  Int32Array,
  Int32Array,
  Int32Array,
  Int32Array,
  Int32Array,
  Int32Array,
  Int32Array,
]

/** The checksum of record batches (CRC-32C), which zlib's `crc32` is not. */
export function crc32c(bytes: Uint8Array): number {
  const length = bytes.length
  let crc = -1
  let i = 0
  for (const end = length - 7; i < end; i += 8) {
    const low = crc ^ (bytes[i]! | (bytes[i + 1]! << 8) | (bytes[i + 2]! << 16) | (bytes[i + 3]! << 24))
    crc =
      t7[low & 0xff]! ^
      t6[(low >>> 8) & 0xff]! ^
      t5[(low >>> 16) & 0xff]! ^
      t4[low >>> 24]! ^
      t3[bytes[i + 4]!]! ^
      t2[bytes[i + 5]!]! ^
      t1[bytes[i + 6]!]! ^
      t0[bytes[i + 7]!]!
  }
  for (; i < length; i++) crc = t0[(crc ^ bytes[i]!) & 0xff]! ^ (crc >>> 8)
  return ~crc >>> 0
}
