import { timingSafeEqual } from 'node:crypto'
import type { PasswordOf, SaslAnswer, SaslExchange } from './sasl-exchange.ts'
import { actsAsAnother, SaslFailure } from './sasl-failure.ts'

/** Authenticates by a user name and a password in plain text (RFC 4616). */
export class PlainExchange implements SaslExchange {
  readonly #passwordOf: PasswordOf

  constructor(passwordOf: PasswordOf) {
    this.#passwordOf = passwordOf
  }

  step(message: Buffer): SaslAnswer {
    const [identity, user, password, ...rest] = message.toString('utf8').split('\0')
    if (user === undefined || password === undefined || rest.length > 0)
      throw new SaslFailure('expected an identity, a user name and a password')
    if (identity !== '' && identity !== user) throw new SaslFailure(actsAsAnother)
    const known = this.#passwordOf(user)
    if (known === undefined || !same(known, password))
      throw new SaslFailure('the user name or the password is wrong')
    return { bytes: Buffer.alloc(0), user }
  }
}

function same(a: string, b: string): boolean {
  const left = Buffer.from(a)
  const right = Buffer.from(b)
  return left.length === right.length && timingSafeEqual(left, right)
}
