import type { InvalidOptionError } from '../errors.ts'
import { describeError } from '../thrown.ts'
import { anObject, type Check, kindOf, oneOf, optionError } from '../validate.ts'
import { describeValue } from '../value-text.ts'
import type { ClientLibrary } from './client-library.ts'
import type { LibrarySasl } from './library-connection.ts'
import { authenticateForATimer } from './sasl-session.ts'

/** A secret, or a function that returns it whenever a connection needs it. */
export type Secret = string | (() => string | Promise<string>)

/** What a broker is told beside the token, by name: letters, and not `auth`. (RFC 7628) */
export type OAuthBearerExtensions = Readonly<Record<string, string>>

/** The credentials that this client authenticates with. */
export type ClientSaslOptions =
  | {
      readonly mechanism: 'PLAIN' | 'SCRAM-SHA-256' | 'SCRAM-SHA-512'
      readonly username: Secret
      readonly password: Secret
    }
  | {
      readonly mechanism: 'OAUTHBEARER'
      readonly token: Secret
      /** Default none. */
      readonly oauthBearerExtensions?:
        | OAuthBearerExtensions
        | (() => OAuthBearerExtensions | Promise<OAuthBearerExtensions>)
        | undefined
    }

const mechanisms = oneOf('PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512', 'OAUTHBEARER')
const someExtensions = 'an object of texts by names that are letters'

export const saslOptions: Check = {
  expected: '{ mechanism, ... }',
  accepts: anObject.accepts,
  isSecret: true,
}

/** @throws InvalidOptionError that names the part of the credentials that is wrong */
export function requireSasl(sasl: { readonly [Name in string]?: unknown }): void {
  const { mechanism, username, password, token, oauthBearerExtensions } = sasl
  if (!mechanisms.accepts(mechanism))
    throw wrongPart('mechanism', mechanisms.expected, describeValue(mechanism))
  const secrets = mechanism === 'OAUTHBEARER' ? { token } : { username, password }
  for (const [name, secret] of Object.entries(secrets)) {
    if (!isSecret(secret)) throw wrongPart(name, orFunction('a string'), kindOf(secret))
  }
  if (mechanism !== 'OAUTHBEARER' || typeof oauthBearerExtensions === 'function') return
  if (areExtensions(oauthBearerExtensions ?? {})) return
  throw wrongPart('oauthBearerExtensions', orFunction(someExtensions), kindOf(oauthBearerExtensions))
}

function wrongPart(name: string, expected: string, received: string): InvalidOptionError {
  return optionError('connect', 'sasl', `expected ${name} to be ${expected}, received ${received}`)
}

function orFunction(expected: string): string {
  return `${expected}, or a function that returns it`
}

function isSecret(value: unknown): boolean {
  return isText(value) || typeof value === 'function'
}

function isText(value: unknown): value is string {
  return typeof value === 'string'
}

// Anything else would end the message, or change what it says. (RFC 7628, 3.1)
function areExtensions(value: unknown): value is OAuthBearerExtensions {
  if (typeof value !== 'object' || value === null) return false
  return Object.entries(value).every(
    ([name, text]) =>
      /^[A-Za-z]+$/.test(name) && name !== 'auth' && isText(text) && /^[\x21-\x7E \t\r\n]+$/.test(text),
  )
}

type Asked<Value> = Value | (() => Value | Promise<Value>)

/** The credentials of a client: what its functions return, and which of them are waited for. */
export class Credentials {
  /** As the library takes them: a function among them that fails is named by its option. */
  readonly forLibrary: LibrarySasl
  /** Whether each connection asks for a part of them anew. */
  areAskedFor = false
  readonly #asked = new Set<string>()

  constructor(sasl: ClientSaslOptions, library: ClientLibrary) {
    if (sasl.mechanism !== 'OAUTHBEARER') {
      const { username, password } = sasl
      this.forLibrary = {
        ...sasl,
        username: this.#secret('username', username),
        password: this.#secret('password', password),
        authenticate: authenticateForATimer(library, undefined),
      }
      return
    }
    const { token, oauthBearerExtensions = {} } = sasl
    const extensions = this.#named(
      'oauthBearerExtensions',
      oauthBearerExtensions,
      areExtensions,
      someExtensions,
    )
    this.forLibrary = {
      ...sasl,
      token: this.#secret('token', token),
      oauthBearerExtensions: extensions,
      authenticate: authenticateForATimer(library, extensions),
      authBytesValidator: requireAccepted,
    }
  }

  /** The option of a function that was called, and has not answered since. */
  get unanswered(): string | undefined {
    const [option] = this.#asked
    return option
  }

  #secret(name: string, secret: Secret): Secret {
    return this.#named(name, secret, isText, 'a string')
  }

  #named<Value>(
    name: string,
    given: Asked<Value>,
    accepts: (value: unknown) => value is Value,
    expected: string,
  ): Asked<Value> {
    if (typeof given !== 'function') return given
    this.areAskedFor = true
    const option = `sasl.${name}`
    return async () => {
      let returned: unknown
      this.#asked.add(option)
      try {
        returned = await (given as () => unknown)()
      } catch (cause) {
        throw optionError('connect', option, `threw: ${describeError(cause)}`, { cause })
      } finally {
        this.#asked.delete(option)
      }
      if (accepts(returned)) return returned
      // Whatever it is, it may be secret.
      throw optionError('connect', option, `returned something else than ${expected}`)
    }
  }
}

// A broker that refuses a token says why in a message that is no error yet. (RFC 7628, 3.2.3)
function requireAccepted(answer: Buffer, done: (error: Error | null, answer?: Buffer) => void): void {
  if (answer.length === 0) done(null, answer)
  else done(new Error(`The broker refuses the token: ${answer}`))
}
