/**
 * The end of a sentence about a frame whose length cannot be, if it is the beginning of another protocol, as of a client that
 * is set up for something else.
 */
export function otherProtocol(length: number): string {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32BE(length)
  const text = bytes.toString('latin1')
  if (text.startsWith('\x16\x03')) {
    return "; the client speaks TLS, which the server does with the option 'tls'"
  }
  return /^(GET |HEAD|POST|PUT |OPTI)/.test(text) ? '; the client speaks HTTP' : ''
}
