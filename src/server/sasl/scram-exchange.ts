import { createHash, createHmac, pbkdf2Sync, randomBytes, timingSafeEqual } from 'node:crypto'
import type { PasswordOf, SaslAnswer, SaslExchange } from './sasl-exchange.ts'
import { SaslFailure } from './sasl-failure.ts'

type Hash = 'sha256' | 'sha512'

/** How often a password is hashed: the least that Kafka takes. */
export const iterations = 4096

/** What the first two messages of the exchange said. */
interface FirstRound {
  readonly user: string
  readonly nonce: string
  /** The client's message, without its header. */
  readonly bare: string
  readonly answer: string
}

/** Authenticates by a proof that the client knows the password, which is not sent (RFC 5802, KIP-84). */
export class ScramExchange implements SaslExchange {
  readonly #hash: Hash
  readonly #passwordOf: PasswordOf
  // Secrets come from the system's random numbers, never from a broker's seed.
  readonly #salt = randomBytes(16)
  #first: FirstRound | undefined

  constructor(hash: Hash, passwordOf: PasswordOf) {
    this.#hash = hash
    this.#passwordOf = passwordOf
  }

  step(message: Buffer): SaslAnswer {
    const text = message.toString('utf8')
    return this.#first === undefined ? this.#begin(text) : this.#end(text, this.#first)
  }

  #begin(text: string): SaslAnswer {
    const match = /^n,(?:a=[^,]*)?,(n=([^,]+),r=([^,]+)(?:,.*)?)$/.exec(text)
    if (match === null) throw new SaslFailure('expected a first message of SCRAM without channel binding')
    const [, bare, name, clientNonce] = match
    const user = name!.replaceAll('=2C', ',').replaceAll('=3D', '=')
    const nonce = clientNonce! + randomBytes(18).toString('base64')
    const answer = `r=${nonce},s=${this.#salt.toString('base64')},i=${iterations}`
    this.#first = { user, nonce, bare: bare!, answer }
    return { bytes: Buffer.from(answer) }
  }

  #end(text: string, first: FirstRound): SaslAnswer {
    const match = /^((?:c=([^,]+)),r=([^,]+)(?:,.*)?),p=([^,]+)$/.exec(text)
    if (match === null) throw new SaslFailure('expected a final message of SCRAM')
    const [, withoutProof, , nonce, proof] = match
    if (nonce !== first.nonce) throw new SaslFailure('the nonce does not match')
    // An unknown user is refused no sooner than a wrong password.
    const known = this.#passwordOf(first.user)
    const length = this.#hash === 'sha256' ? 32 : 64
    const salted = pbkdf2Sync(known ?? '', this.#salt, iterations, length, this.#hash)
    const clientKey = this.#hmac(salted, 'Client Key')
    const storedKey = createHash(this.#hash).update(clientKey).digest()
    const all = `${first.bare},${first.answer},${withoutProof}`
    const expected = xor(clientKey, this.#hmac(storedKey, all))
    const given = Buffer.from(proof!, 'base64')
    if (known === undefined || given.length !== expected.length || !timingSafeEqual(given, expected)) {
      throw new SaslFailure('the user name or the password is wrong')
    }
    const signature = this.#hmac(this.#hmac(salted, 'Server Key'), all)
    return { bytes: Buffer.from(`v=${signature.toString('base64')}`), user: first.user }
  }

  #hmac(key: Buffer, text: string): Buffer {
    return createHmac(this.#hash, key).update(text).digest()
  }
}

function xor(a: Buffer, b: Buffer): Buffer {
  return Buffer.from(a.map((byte, i) => byte ^ b[i]!))
}
