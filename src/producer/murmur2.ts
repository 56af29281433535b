const SEED = 0x9747b28c
const MULTIPLIER = 0x5bd1e995

/** Up to this many characters, reading a string one by one is faster than encoding it (V8 as of Node 20). */
const SHORT_LENGTH = 24

/** Longer keys are encoded on their own, so that a huge one does not leave a huge buffer behind. */
const SCRATCH_LENGTH = 1024

const encoder = new TextEncoder()
const scratch = new Uint8Array(3 * SCRATCH_LENGTH)

/**
 * Kafka's 32-bit murmur2 of a key, as a signed integer: of the bytes themselves or of a string's UTF-8 form, in which
 * a lone surrogate counts as U+FFFD (Kafka's `Utils.murmur2`).
 */
export function murmur2(key: string | Uint8Array): number {
  if (typeof key !== 'string') return hashBytes(key, key.length)
  return key.length <= SHORT_LENGTH ? hashShort(key) : hashUtf8(key)
}

/** Clears the sign bit, as Kafka's `Utils.toPositive` does; this is not the absolute value. */
export function toPositive(hash: number): number {
  return hash & 0x7fffffff
}

/** Takes characters for bytes; hashes anew, as UTF-8, when one of them was not ASCII. */
function hashShort(key: string): number {
  const length = key.length
  const blocksEnd = length & ~3
  let hash = SEED ^ length
  let bits = 0
  for (let index = 0; index < blocksEnd; index += 4) {
    const first = key.charCodeAt(index)
    const second = key.charCodeAt(index + 1)
    const third = key.charCodeAt(index + 2)
    const fourth = key.charCodeAt(index + 3)
    bits |= first | second | third | fourth
    hash = mixBlock(hash, first | (second << 8) | (third << 16) | (fourth << 24))
  }
  let tail = 0
  for (let index = length - 1; index >= blocksEnd; index--) {
    const code = key.charCodeAt(index)
    bits |= code
    tail = (tail << 8) | code
  }
  if (bits >= 0x80) return hashUtf8(key)
  return finish(length === blocksEnd ? hash : Math.imul(hash ^ tail, MULTIPLIER))
}

function hashUtf8(key: string): number {
  if (key.length <= SCRATCH_LENGTH) return hashBytes(scratch, encoder.encodeInto(key, scratch).written)
  const bytes = encoder.encode(key)
  return hashBytes(bytes, bytes.length)
}

function hashBytes(bytes: Uint8Array, length: number): number {
  const blocksEnd = length & ~3
  let hash = SEED ^ length
  for (let index = 0; index < blocksEnd; index += 4) {
    const block =
      bytes[index]! | (bytes[index + 1]! << 8) | (bytes[index + 2]! << 16) | (bytes[index + 3]! << 24)
    hash = mixBlock(hash, block)
  }
  let tail = 0
  for (let index = length - 1; index >= blocksEnd; index--) tail = (tail << 8) | bytes[index]!
  return finish(length === blocksEnd ? hash : Math.imul(hash ^ tail, MULTIPLIER))
}

function mixBlock(hash: number, block: number): number {
  const mixed = Math.imul(block, MULTIPLIER)
  return Math.imul(hash, MULTIPLIER) ^ Math.imul(mixed ^ (mixed >>> 24), MULTIPLIER)
}

function finish(hash: number): number {
  const mixed = Math.imul(hash ^ (hash >>> 13), MULTIPLIER)
  return mixed ^ (mixed >>> 15)
}
