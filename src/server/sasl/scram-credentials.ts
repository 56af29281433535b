import { randomBytes } from 'node:crypto'
import { entryOf } from '../entry-of.ts'
import { type SaslOptions, saslMechanisms } from './sasl-options.ts'
import {
  credentialOf,
  hmac,
  type SaltedPassword,
  type ScramCredential,
  type ScramMechanism,
  saltPassword,
  scramMechanisms,
} from './scram-credential.ts'

/** The least and the most that Kafka takes. (Kafka: ScramMechanism.minIterations, ScramControlManager) */
export const leastIterations = 4096
export const mostIterations = 16_384

/** What is told of a credential. */
interface Entry {
  readonly iterations: number
  credential(): ScramCredential
}

/**
 * Who may authenticate by SCRAM: first the users of the option `sasl`, and then whom administrators add, change and
 * remove. They are kept where nobody authenticates, too, as at a Kafka without such a listener.
 */
export class ScramCredentials {
  readonly #entries = new Map<string, Map<ScramMechanism, Entry>>()
  // Secrets come from the system's random numbers, never from a broker's seed.
  readonly #secret = randomBytes(32)

  constructor(sasl: SaslOptions | undefined) {
    const { users = {}, mechanisms = saslMechanisms } = sasl ?? {}
    for (const mechanism of scramMechanisms) {
      if (!mechanisms.includes(mechanism)) continue
      for (const [user, password] of Object.entries(users)) {
        const credential = once(() => {
          const salt = this.#saltOf(mechanism, user)
          return credentialOf(mechanism, saltPassword(mechanism, password, salt, leastIterations))
        })
        this.#put(user, mechanism, { iterations: leastIterations, credential })
      }
    }
  }

  get users(): string[] {
    return [...this.#entries.keys()]
  }

  has(user: string, mechanism: ScramMechanism): boolean {
    return this.#entries.get(user)?.has(mechanism) ?? false
  }

  /** By which mechanisms a user may authenticate, and with how many iterations. */
  describe(user: string): (readonly [ScramMechanism, number])[] {
    const entries = this.#entries.get(user)
    return scramMechanisms.flatMap(mechanism => {
      const entry = entries?.get(mechanism)
      return entry === undefined ? [] : [[mechanism, entry.iterations] as const]
    })
  }

  /** An unknown user has one that no password fits, and which looks like any other: so nobody learns who is known. */
  credential(user: string, mechanism: ScramMechanism): ScramCredential {
    const entry = this.#entries.get(user)?.get(mechanism)
    if (entry !== undefined) return entry.credential()
    return {
      salt: this.#saltOf(mechanism, user),
      iterations: leastIterations,
      storedKey: randomBytes(hmac(mechanism, this.#secret, '').length),
      serverKey: this.#secret,
    }
  }

  set(user: string, mechanism: ScramMechanism, { iterations, salt, saltedPassword }: SaltedPassword): void {
    // The salt of a request is a part of its frame, all of which it would keep.
    const own = { iterations, salt: Buffer.from(salt), saltedPassword }
    const credential = credentialOf(mechanism, own)
    this.#put(user, mechanism, { iterations, credential: () => credential })
  }

  delete(user: string, mechanism: ScramMechanism): void {
    const entries = this.#entries.get(user)
    entries?.delete(mechanism)
    if (entries?.size === 0) this.#entries.delete(user)
  }

  #put(user: string, mechanism: ScramMechanism, entry: Entry): void {
    entryOf(this.#entries, user, () => new Map()).set(mechanism, entry)
  }

  #saltOf(mechanism: ScramMechanism, user: string): Buffer {
    return hmac(mechanism, this.#secret, user).subarray(0, 16)
  }
}

// To salt a password takes milliseconds, and most users of a test never come by SCRAM.
function once<T>(make: () => T): () => T {
  let made: T | undefined
  return () => (made ??= make())
}
