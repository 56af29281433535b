declare module 'snappyjs' {
  /** @throws where it is no Snappy, or longer than `maxLength` */
  export function uncompress(compressed: Buffer, maxLength: number): Buffer
  export function compress(bytes: Buffer): Buffer
}

// Used by tests only.
declare module 'lz4js' {
  export function compress(bytes: Uint8Array): Uint8Array
}
