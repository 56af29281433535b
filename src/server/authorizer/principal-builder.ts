import type { PeerCertificate } from 'node:tls'

/** What is known of a client. */
export interface ClientIdentity {
  /** The user that has authenticated by SASL; undefined without. */
  readonly user: string | undefined
  /** The certificate that the client has shown, if the server asks for it (`tls: { requestCert: true, ca }`). */
  readonly certificate: PeerCertificate | undefined
  /** The address that it calls from. */
  readonly host: string
  /** The client id that its requests have. */
  readonly clientId: string
}

/** Says who a client is: `User:` and a name. With anything else its connection ends, with an 'error' event. */
export type PrincipalBuilder = (client: ClientIdentity) => string

/** As Kafka does it without rules of one's own. (Kafka: DefaultKafkaPrincipalBuilder) */
export function defaultPrincipal({ user, certificate }: ClientIdentity): string {
  if (user !== undefined) return `User:${user}`
  if (certificate !== undefined) return `User:${distinguishedName(certificate)}`
  return 'User:ANONYMOUS'
}

/** The subject of a certificate, its last part first. (RFC 2253) */
export function distinguishedName({ subject }: Pick<PeerCertificate, 'subject'>): string {
  return Object.entries(subject)
    .flatMap(([key, values]) => [values].flat().map(value => `${key}=${escaped(value ?? '')}`))
    .toReversed()
    .join(',')
}

function escaped(value: string): string {
  return value.replace(/[,+"\\<>;]|^[ #]| $/g, String.raw`\$&`)
}
