import { describeError } from '../errors.ts'
import { type Check, oneOf, optionError } from '../validate.ts'
import type { LibrarySasl } from './client-library.ts'

/** A secret, or a function that returns it whenever a connection needs it. */
export type Secret = string | (() => string | Promise<string>)

/** The credentials that this client authenticates with. */
export type ClientSaslOptions =
  | {
      readonly mechanism: 'PLAIN' | 'SCRAM-SHA-256' | 'SCRAM-SHA-512'
      readonly username: Secret
      readonly password: Secret
    }
  | { readonly mechanism: 'OAUTHBEARER'; readonly token: Secret }

const byPassword = oneOf('PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512')

export const saslOptions: Check = {
  expected: `{ mechanism: 'PLAIN' | 'SCRAM-SHA-256' | 'SCRAM-SHA-512', username, password } or { mechanism: 'OAUTHBEARER', token }`,
  accepts: value => {
    if (typeof value !== 'object' || value === null) return false
    const { mechanism, username, password, token } = value as Readonly<Record<string, unknown>>
    if (mechanism === 'OAUTHBEARER') return isSecret(token)
    return byPassword.accepts(mechanism) && isSecret(username) && isSecret(password)
  },
}

function isSecret(value: unknown): boolean {
  return typeof value === 'string' || typeof value === 'function'
}

/** The credentials as the library takes them: a function among them that fails is named by its option. */
export function toLibrarySasl(sasl: ClientSaslOptions): LibrarySasl {
  if (sasl.mechanism === 'OAUTHBEARER')
    return { ...sasl, token: named('token', sasl.token), authBytesValidator: requireAccepted }
  return {
    ...sasl,
    username: named('username', sasl.username),
    password: named('password', sasl.password),
  }
}

function named(name: string, secret: Secret): Secret {
  if (typeof secret === 'string') return secret
  const option = `sasl.${name}`
  return async () => {
    let returned: unknown
    try {
      returned = await secret()
    } catch (cause) {
      throw optionError('connect', option, `threw: ${describeError(cause)}`, { cause })
    }
    if (typeof returned === 'string') return returned
    // Whatever it is, it may be secret.
    throw optionError('connect', option, 'returned something else than a string')
  }
}

// A broker that refuses a token says why in a message that is no error yet. (RFC 7628, 3.2.3)
function requireAccepted(answer: Buffer, done: (error: Error | null, answer?: Buffer) => void): void {
  if (answer.length === 0) done(null, answer)
  else done(new Error(`The broker refuses the token: ${answer}`))
}
