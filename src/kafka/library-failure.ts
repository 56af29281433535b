import { describeError, isError } from '../thrown.ts'
import { ClusterError } from './cluster-error.ts'
import type { Coded } from './library-messages.ts'

const networkCode = 'PLT_KFK_NETWORK'

// Node's codes.
const resets: ReadonlySet<string> = new Set(['ECONNRESET', 'EPIPE'])

/** The response that was thrown: where any part of one is an error, the library throws all of it. */
export function responseOf<Response>(thrown: unknown): Response | undefined {
  if ((thrown as { readonly code?: unknown } | null)?.code !== 'PLT_KFK_RESPONSE') return undefined
  return (thrown as { readonly response?: Response }).response
}

/** What was thrown, in words: the library's own text only says that a connection failed; what is behind it says why. */
export function withCauses(thrown: unknown): string {
  const texts = new Set(behind(thrown).map(error => textOf(error).replace(/\.$/, '')))
  return texts.size === 0 ? describeError(thrown) : [...texts].join(': ')
}

// What the broker itself says: that it has refused something, the library's own text says already. OpenSSL adds where in
// its sources it says something.
function textOf(error: Error): string {
  const { response, library, reason } = error as Error & OfOpenSsl & { readonly response?: Partial<Coded> }
  if (library !== undefined && reason !== undefined) return `${library}: ${reason}`
  return response?.errorMessage || describeError(error)
}

interface OfOpenSsl {
  readonly library?: string
  readonly reason?: string
}

/** The error itself, and what is behind it. */
export function behind(thrown: unknown): Error[] {
  const found: Error[] = []
  for (let error = thrown; isError(error) && !found.includes(error); ) {
    found.push(error)
    const { cause, errors } = error as Error & { readonly errors?: unknown }
    error = cause ?? (Array.isArray(errors) ? errors[0] : undefined)
  }
  return found
}

/** Whether the library says nothing more than that the connection is gone. */
export function isConnectionLost(thrown: unknown): boolean {
  return codesBehind(thrown).at(-1) === networkCode
}

/** Whether the other side, or what stands between, has ended the connection without a word. */
export function isReset(thrown: unknown): boolean {
  return resets.has(codesBehind(thrown).at(-1) ?? '')
}

/**
 * Whether a broker does not accept the credentials. A connection that was lost while it authenticated says nothing about
 * them.
 */
export function isAuthentication(thrown: unknown): boolean {
  const codes = codesBehind(thrown)
  const at = codes.indexOf('PLT_KFK_AUTHENTICATION')
  return at !== -1 && !codes.includes(networkCode, at)
}

// Node's codes of OpenSSL's reasons to refuse a certificate, of a certificate for another name, and of what the other side
// says to the one that it was shown, or not shown. (Before TLS 1.3 it may only say that there was no handshake.)
const untrusted =
  /^(CERT_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_(GET|VERIFY)_|ERR_TLS_CERT_|ERR_SSL_.*_ALERT_(.*CERTIFICATE|UNKNOWN_CA|HANDSHAKE_FAILURE))/

/** Whether a connection failed because one side does not trust the other, or because of the option `tls` itself. */
export function isForTls(error: unknown): boolean {
  const isOfOption = error instanceof ClusterError && error.option === 'tls'
  return isOfOption || codesBehind(error).some(code => untrusted.test(code))
}

function codesBehind(thrown: unknown): string[] {
  return behind(thrown).flatMap(error => {
    const { code } = error as NodeJS.ErrnoException
    return typeof code === 'string' ? [code] : []
  })
}
