import type { ClientLibrary } from './client-library.ts'
import { largestInt32 } from './int32.ts'
import type { LibrarySasl } from './library-connection.ts'

type Authenticate = NonNullable<LibrarySasl['authenticate']>

const longestTimerMs = BigInt(largestInt32)

/**
 * How the library authenticates, but for the length of a session: that is as long as a timer of Node may be, if a broker
 * gives more. The library would set a timer that is over at once, and authenticate again and again.
 */
export function authenticateForATimer(
  library: ClientLibrary,
  extensions: LibrarySasl['oauthBearerExtensions'],
): Authenticate {
  const { saslPlain, saslScramSha, saslOAuthBearer } = library
  return (mechanism, connection, api, username, password, token, done) => {
    const bounded: typeof done = (error, answer) => {
      const tooLong = answer !== undefined && answer.sessionLifetimeMs > longestTimerMs
      done(error, tooLong ? { ...answer, sessionLifetimeMs: longestTimerMs } : answer)
    }
    if (mechanism === 'PLAIN') saslPlain.authenticate(api, connection, username, password, bounded)
    else if (mechanism === 'OAUTHBEARER')
      saslOAuthBearer.authenticate(api, connection, token, extensions, bounded)
    else {
      const algorithm = mechanism.slice('SCRAM-'.length)
      const { defaultCrypto } = saslScramSha
      saslScramSha.authenticate(api, connection, algorithm, username, password, defaultCrypto, bounded)
    }
  }
}
