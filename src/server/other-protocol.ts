// What a client sends first that is set up for something else: it looks like a length of hundreds of millions of bytes.
const beginnings: readonly (readonly [begin: Buffer, speaks: string])[] = [
  [Buffer.from([0x16, 3]), "TLS, which the server does with the option 'tls'"],
  ...['GET ', 'HEAD ', 'POST ', 'PUT ', 'OPTIONS '].map(
    method => [Buffer.from(method.slice(0, 4)), 'HTTP'] as const,
  ),
]

/** The end of a sentence about a frame whose length cannot be, if it is the beginning of another protocol. */
export function otherProtocol(length: number): string {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32BE(length)
  const found = beginnings.find(([begin]) => bytes.subarray(0, begin.length).equals(begin))
  return found === undefined ? '' : `; the client speaks ${found[1]}`
}
