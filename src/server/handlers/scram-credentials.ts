import { errorCodes } from '../../error-codes.ts'
import { errnoOfName } from '../faults/wire-error-code.ts'
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
      const given = new Set([...deletions, ...upsertions].map(({ name }) => name))
      const set = new Set(upsertions.map(({ name }) => name))
      return {
        results: [...given].map(user => {
          if (!set.has(user) && !users.has(user)) {
            return unknown(user, 'Attempt to delete a user credential that does not exist')
          }
          const { errno: errorCode } = errorCodes.UNSUPPORTED_VERSION
          return {
            user,
            errorCode,
            errorMessage: "Users cannot be changed: they are those of the server's option sasl",
          }
        }),
      }
    }),
  ]
}
