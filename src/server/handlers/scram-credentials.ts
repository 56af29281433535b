import { type Handler, handler } from '../handler.ts'
import { alterUserScramCredentials } from '../protocol/messages/alter-user-scram-credentials.ts'
import { describeUserScramCredentials } from '../protocol/messages/describe-user-scram-credentials.ts'
import type { ScramMechanism } from '../sasl/scram-credential.ts'
import { leastIterations, mostIterations, type ScramCredentials } from '../sasl/scram-credentials.ts'
import { wireError } from '../wire.ts'
import type { WireErrorCode } from '../wire-error-code.ts'

// Kafka's numbers of the mechanisms. (Kafka: ScramMechanism)
const mechanisms: ReadonlyMap<number, ScramMechanism> = new Map([
  [1, 'SCRAM-SHA-256'],
  [2, 'SCRAM-SHA-512'],
])
const numbers = new Map([...mechanisms].map(([number, mechanism]) => [mechanism, number]))

/** The users that may authenticate by SCRAM. */
export function scramCredentialHandlers(credentials: ScramCredentials): Handler[] {
  return [
    handler(describeUserScramCredentials, ({ users: wanted }) => {
      const names =
        wanted === null || wanted.length === 0 ? credentials.users : wanted.map(({ name }) => name)
      const times = new Map<string, number>()
      for (const user of names) times.set(user, (times.get(user) ?? 0) + 1)
      const results = [...times].map(([user, named]) => {
        if (named > 1) {
          const text = `Cannot describe SCRAM credentials for the same user twice in a single request: ${user}`
          return refusal(user, 'DUPLICATE_RESOURCE', text)
        }
        const known = credentials.describe(user)
        if (known.length === 0) {
          const text = `Attempt to describe a user credential that does not exist: ${user}`
          return refusal(user, 'RESOURCE_NOT_FOUND', text)
        }
        const credentialInfos = known.map(([mechanism, iterations]) => ({
          mechanism: numbers.get(mechanism)!,
          iterations,
        }))
        return { user, errorMessage: null, credentialInfos }
      })
      return { errorMessage: null, results }
    }),

    handler(alterUserScramCredentials, ({ deletions, upsertions }) => {
      const alterations = new Alterations(credentials)
      for (const each of deletions) alterations.delete(each)
      for (const each of upsertions) alterations.upsert(each)
      return { results: alterations.apply() }
    }),
  ]
}

interface Deletion {
  readonly name: string
  readonly mechanism: number
}

interface Upsertion extends Deletion {
  readonly iterations: number
  readonly salt: Buffer
  readonly saltedPassword: Buffer
}

/** The changes of one request. A user is changed once, or not at all. (Kafka: ScramControlManager.alterCredentials) */
class Alterations {
  readonly #credentials: ScramCredentials
  readonly #results = new Map<string, object>()
  readonly #changes = new Map<string, () => void>()

  constructor(credentials: ScramCredentials) {
    this.#credentials = credentials
  }

  delete({ name, mechanism: number }: Deletion): void {
    const mechanism = this.#mechanismOf(name, number)
    if (mechanism === undefined) return
    if (!this.#credentials.has(name, mechanism)) {
      const text = 'Attempt to delete a user credential that does not exist'
      return this.#refuse(name, 'RESOURCE_NOT_FOUND', text)
    }
    this.#change(name, () => this.#credentials.delete(name, mechanism))
  }

  upsert({ name, mechanism: number, ...salted }: Upsertion): void {
    const mechanism = this.#mechanismOf(name, number)
    if (mechanism === undefined) return
    const { iterations, saltedPassword } = salted
    // Kafka cannot make a key of nothing, and does not say so.
    if (saltedPassword.length === 0)
      return this.#refuse(name, 'UNKNOWN_SERVER_ERROR', 'The salted password is empty')
    if (iterations < leastIterations)
      return this.#refuse(name, 'UNACCEPTABLE_CREDENTIAL', 'Too few iterations')
    if (iterations > mostIterations)
      return this.#refuse(name, 'UNACCEPTABLE_CREDENTIAL', 'Too many iterations')
    this.#change(name, () => this.#credentials.set(name, mechanism, salted))
  }

  /** Makes the changes; gives what came of each. */
  apply(): object[] {
    for (const change of this.#changes.values()) change()
    return [...this.#results.values()]
  }

  /** Undefined if the user cannot be changed in this request. */
  #mechanismOf(user: string, number: number): ScramMechanism | undefined {
    if (this.#results.has(user)) {
      // The first thing that was wrong is told.
      if (this.#changes.delete(user)) this.#refuse(user, 'DUPLICATE_RESOURCE', twice)
      return undefined
    }
    if (user === '') this.#refuse(user, 'UNACCEPTABLE_CREDENTIAL', 'Username must not be empty')
    else if (!mechanisms.has(number))
      this.#refuse(user, 'UNSUPPORTED_SASL_MECHANISM', 'Unknown SCRAM mechanism')
    else return mechanisms.get(number)
    return undefined
  }

  #change(user: string, change: () => void): void {
    this.#changes.set(user, change)
    this.#results.set(user, { user, errorCode: 0, errorMessage: null })
  }

  #refuse(user: string, code: WireErrorCode, text: string): void {
    this.#results.set(user, refusal(user, code, text))
  }
}

const twice = 'A user credential cannot be altered twice in the same request'

function refusal(user: string, code: WireErrorCode, errorMessage: string) {
  return { user, ...wireError(code, errorMessage) }
}
