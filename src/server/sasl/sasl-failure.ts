/** A client could not authenticate, or does not speak the mechanism. */
export class SaslFailure extends Error {
  override readonly name: string = 'SaslFailure'

  constructor(reason: string) {
    super(`Authentication failed: ${reason}`)
  }
}
