import { randomBytes, timingSafeEqual } from 'node:crypto'
import type { SaslAnswer, SaslExchange } from './sasl-exchange.ts'
import { actsAsAnother, SaslFailure } from './sasl-failure.ts'
import { digest, hmac, type ScramCredential, type ScramMechanism } from './scram-credential.ts'
import type { ScramCredentials } from './scram-credentials.ts'

/** What the first two messages of the exchange said. */
interface FirstRound {
  readonly user: string
  readonly credential: ScramCredential
  readonly nonce: string
  /** The client's message, without its header. */
  readonly bare: string
  readonly answer: string
}

/** Authenticates by a proof that the client knows the password, which is not sent (RFC 5802, KIP-84). */
export class ScramExchange implements SaslExchange {
  readonly #mechanism: ScramMechanism
  readonly #credentials: ScramCredentials
  #first: FirstRound | undefined

  constructor(mechanism: ScramMechanism, credentials: ScramCredentials) {
    this.#mechanism = mechanism
    this.#credentials = credentials
  }

  step(message: Buffer): SaslAnswer {
    const text = message.toString('utf8')
    return this.#first === undefined ? this.#begin(text) : this.#end(text, this.#first)
  }

  #begin(text: string): SaslAnswer {
    const match = /^n,(?:a=([^,]*))?,(n=([^,]+),r=([^,]+)(?:,.*)?)$/.exec(text)
    if (match === null) throw new SaslFailure('expected a first message of SCRAM without channel binding')
    const [, identity = '', bare, name, clientNonce] = match
    const user = fromSaslName(name!)
    if (identity !== '' && fromSaslName(identity) !== user) throw new SaslFailure(actsAsAnother)
    const nonce = clientNonce! + randomBytes(18).toString('base64')
    const credential = this.#credentials.credential(user, this.#mechanism)
    const answer = `r=${nonce},s=${credential.salt.toString('base64')},i=${credential.iterations}`
    this.#first = { user, credential, nonce, bare: bare!, answer }
    return { bytes: Buffer.from(answer) }
  }

  #end(text: string, first: FirstRound): SaslAnswer {
    const match = /^((?:c=([^,]+)),r=([^,]+)(?:,.*)?),p=([^,]+)$/.exec(text)
    if (match === null) throw new SaslFailure('expected a final message of SCRAM')
    const [, withoutProof, , nonce, proof] = match
    if (nonce !== first.nonce) {
      const why = nonce!.endsWith(first.nonce) ? '; that of librdkafka is right since 2.6.1' : ''
      throw new SaslFailure(`the nonce does not match${why}`)
    }
    const { storedKey, serverKey } = first.credential
    const all = `${first.bare},${first.answer},${withoutProof}`
    const signature = hmac(this.#mechanism, storedKey, all)
    const given = Buffer.from(proof!, 'base64')
    if (given.length !== signature.length || !proves(xor(given, signature), storedKey, this.#mechanism)) {
      throw new SaslFailure('the user name or the password is wrong')
    }
    const verifier = hmac(this.#mechanism, serverKey, all)
    return { bytes: Buffer.from(`v=${verifier.toString('base64')}`), user: first.user }
  }
}

// What separates the parts of a message has another form in a name.
function fromSaslName(name: string): string {
  return name.replaceAll('=2C', ',').replaceAll('=3D', '=')
}

/** Whether a client's key is that of which the server keeps the digest. */
function proves(clientKey: Buffer, storedKey: Buffer, mechanism: ScramMechanism): boolean {
  return timingSafeEqual(digest(mechanism, clientKey), storedKey)
}

function xor(a: Buffer, b: Buffer): Buffer {
  return Buffer.from(a.map((byte, i) => byte ^ b[i]!))
}
