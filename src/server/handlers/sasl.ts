import type { ConnectionSession } from '../connection-session.ts'
import { type Handler, handler } from '../handler.ts'
import { saslAuthenticate } from '../protocol/messages/sasl-authenticate.ts'
import { saslHandshake } from '../protocol/messages/sasl-handshake.ts'
import { PlainExchange } from '../sasl/plain-exchange.ts'
import type { SaslExchange } from '../sasl/sasl-exchange.ts'
import { SaslFailure } from '../sasl/sasl-failure.ts'
import { type SaslMechanism, type SaslOptions, saslMechanisms } from '../sasl/sasl-options.ts'
import type { ScramCredentials } from '../sasl/scram-credentials.ts'
import { ScramExchange } from '../sasl/scram-exchange.ts'
import { wireError } from '../wire.ts'
import { errnoOf } from '../wire-error-code.ts'

/** Authenticates clients: first the choice of the mechanism, then its exchange. */
export function saslHandlers(options: SaslOptions | undefined, credentials: ScramCredentials): Handler[] {
  if (options === undefined) return openHandlers
  const { users, mechanisms = saslMechanisms } = options
  const passwordOf = (user: string) => (Object.hasOwn(users, user) ? users[user] : undefined)
  const begin = (mechanism: SaslMechanism): SaslExchange =>
    mechanism === 'PLAIN' ? new PlainExchange(passwordOf) : new ScramExchange(mechanism, credentials)
  return [
    handler(saslHandshake, ({ mechanism }, { session, version }) => {
      if (session.exchange !== undefined)
        return illegal(session, 'the proof of the chosen mechanism comes next')
      const known = mechanisms.includes(mechanism as SaslMechanism)
      if (known) {
        session.exchange = begin(mechanism as SaslMechanism)
        session.bareExchange = version === 0
      } else {
        session.refused = true
      }
      const errorCode = known ? 0 : errnoOf('UNSUPPORTED_SASL_MECHANISM')
      return { errorCode, mechanisms: [...mechanisms] }
    }),

    handler(saslAuthenticate, ({ authBytes }, { session }) => {
      if (session.exchange === undefined) return illegal(session, 'SaslHandshake comes first')
      try {
        return { errorCode: 0, authBytes: session.authenticate(authBytes) }
      } catch (error) {
        if (!(error instanceof SaslFailure)) throw error
        session.refused = true
        return wireError('SASL_AUTHENTICATION_FAILED', error.message)
      }
    }),
  ]
}

// Who has been let in may go on, unless it was about to prove anew who it is.
function illegal(session: ConnectionSession, message: string) {
  session.refused = session.user === undefined || session.exchange !== undefined
  return wireError('ILLEGAL_SASL_STATE', message)
}

// A server that lets everybody in says so to a client that would authenticate, as Kafka does at such a port.
const notAsked = wireError('ILLEGAL_SASL_STATE', 'Clients do not authenticate here')
const openHandlers: Handler[] = [
  handler(saslHandshake, () => notAsked),
  handler(saslAuthenticate, () => notAsked),
]
