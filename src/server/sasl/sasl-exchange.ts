import { PlainExchange } from './plain-exchange.ts'
import type { SaslMechanism } from './sasl-options.ts'
import { ScramExchange } from './scram-exchange.ts'

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

export function beginExchange(mechanism: SaslMechanism, passwordOf: PasswordOf): SaslExchange {
  if (mechanism === 'PLAIN') return new PlainExchange(passwordOf)
  return new ScramExchange(mechanism === 'SCRAM-SHA-256' ? 'sha256' : 'sha512', passwordOf)
}
