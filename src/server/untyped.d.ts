declare module 'snappyjs' {
  /** @throws where it is no Snappy, or longer than `maxLength` */
  export function uncompress(compressed: Buffer, maxLength: number): Buffer
  export function compress(bytes: Buffer): Buffer
}

declare module 'lz4js' {
  /** How much a frame can hold at most. */
  export function decompressBound(frame: Uint8Array): number
  export function decompress(frame: Uint8Array): Uint8Array
  export function compress(bytes: Uint8Array): Uint8Array
}
