/** Bytes that break the protocol: the client that sent them is not served any further. */
export class ProtocolError extends Error {
  override readonly name: string = 'ProtocolError'
}
