/** Somebody is not who they say they are, or does not speak the mechanism. */
export class SaslFailure extends Error {
  override readonly name: string = 'SaslFailure'
}
