import { errnoOfName, type WireErrorCode } from '../faults/wire-error-code.ts'
import { type Handler, handler } from '../handler.ts'
import { alterUserScramCredentials } from '../protocol/messages/alter-user-scram-credentials.ts'
import { describeUserScramCredentials } from '../protocol/messages/describe-user-scram-credentials.ts'
import { type SaslMechanism, type SaslOptions, saslMechanisms } from '../sasl/sasl-options.ts'
import { iterations } from '../sasl/scram-exchange.ts'

// Kafka's numbers of the mechanisms. (Kafka: ScramMechanism)
const numbers: ReadonlyMap<SaslMechanism, number> = new Map([
  ['SCRAM-SHA-256', 1],
  ['SCRAM-SHA-512', 2],
])

/** The users that may authenticate by SCRAM: those of the option `sasl`, and no others. */
export function scramCredentialHandlers(sasl: SaslOptions | undefined): Handler[] {
  const credentialInfos = (sasl?.mechanisms ?? saslMechanisms).flatMap(each => {
    const mechanism = numbers.get(each)
    return mechanism === undefined ? [] : { mechanism, iterations }
  })
  const users = new Set(credentialInfos.length === 0 ? [] : Object.keys(sasl?.users ?? {}))
  const unknown = (user: string, errorMessage: string) => ({
    user,
    errorCode: errnoOfName('RESOURCE_NOT_FOUND'),
    errorMessage,
  })
  return [
    handler(describeUserScramCredentials, ({ users: wanted }) => {
      const names = wanted === null || wanted.length === 0 ? [...users] : wanted.map(({ name }) => name)
      const results = [...new Set(names)].map(user => {
        if (names.indexOf(user) !== names.lastIndexOf(user)) {
          const errorMessage = `Cannot describe SCRAM credentials for the same user twice in a single request: ${user}`
          return { user, errorCode: errnoOfName('DUPLICATE_RESOURCE'), errorMessage }
        }
        return users.has(user)
          ? { user, errorMessage: null, credentialInfos }
          : unknown(user, `Attempt to describe a user credential that does not exist: ${user}`)
      })
      return { errorMessage: null, results }
    }),

    handler(alterUserScramCredentials, ({ deletions, upsertions }) => {
      const results = new Map<string, object>()
      const refuse = (user: string, code: WireErrorCode, errorMessage: string) => {
        if (!results.has(user)) results.set(user, { user, errorCode: errnoOfName(code), errorMessage })
      }
      for (const each of deletions) {
        if (!isMeant(each, refuse) || users.has(each.name)) continue
        refuse(each.name, 'RESOURCE_NOT_FOUND', 'Attempt to delete a user credential that does not exist')
      }
      for (const each of upsertions) {
        if (!isMeant(each, refuse)) continue
        if (each.iterations < leastIterations)
          refuse(each.name, 'UNACCEPTABLE_CREDENTIAL', 'Too few iterations')
        if (each.iterations > mostIterations)
          refuse(each.name, 'UNACCEPTABLE_CREDENTIAL', 'Too many iterations')
      }
      const named = [...deletions, ...upsertions].map(({ name }) => name)
      // What could be done at a Kafka cannot be done here.
      for (const user of named) refuse(user, 'UNSUPPORTED_VERSION', fixed)
      return { results: [...new Set(named)].map(user => results.get(user)!) }
    }),
  ]
}

const fixed = "Users cannot be changed: they are those of the server's option sasl"

// (Kafka: ScramControlManager)
const [leastIterations, mostIterations] = [4096, 16_384]

function isMeant(
  { name, mechanism }: { readonly name: string; readonly mechanism: number },
  refuse: (user: string, code: WireErrorCode, errorMessage: string) => void,
): boolean {
  if (name === '') {
    refuse(name, 'UNACCEPTABLE_CREDENTIAL', 'Username must not be empty')
    return false
  }
  if ([...numbers.values()].includes(mechanism)) return true
  refuse(name, 'UNSUPPORTED_SASL_MECHANISM', 'Unknown SCRAM mechanism')
  return false
}
