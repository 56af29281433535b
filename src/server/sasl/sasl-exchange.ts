/** What a server answers to one message of an exchange; with `user` it is over. */
export interface SaslAnswer {
  readonly bytes: Buffer
  readonly user?: string
}

/** One conversation in which a client proves who it is. */
export interface SaslExchange {
  /** @throws SaslFailure */
  step(message: Buffer): SaslAnswer
}

/** The password of a user, or undefined for one that is not known. */
export type PasswordOf = (user: string) => string | undefined
