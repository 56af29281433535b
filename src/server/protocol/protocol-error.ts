/** Bytes that are not what they should be: whoever sent them is not served any further. */
export class ProtocolError extends Error {
  override readonly name: string = 'ProtocolError'
}
