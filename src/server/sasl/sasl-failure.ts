/** Why nobody is let in who would have the rights of another user than proves to be there. */
export const actsAsAnother = 'the client asks to act as another user than it is'

/** A client could not authenticate, or does not speak the mechanism. */
export class SaslFailure extends Error {
  override readonly name: string = 'SaslFailure'

  constructor(reason: string) {
    super(`Authentication failed: ${reason}`)
  }
}
