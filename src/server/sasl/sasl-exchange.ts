/** The server's answer to one message of an exchange; with `user` the exchange is complete. */
export interface SaslAnswer {
  readonly bytes: Buffer
  readonly user?: string
}

/** One exchange of messages by which a client authenticates. */
export interface SaslExchange {
  /** @throws SaslFailure */
  step(message: Buffer): SaslAnswer
}

/** Returns the password of a user, or undefined for an unknown one. */
export type PasswordOf = (user: string) => string | undefined
