import { createHash, createHmac, pbkdf2Sync } from 'node:crypto'
import type { SaslMechanism } from './sasl-options.ts'

/** A mechanism of SCRAM. */
export type ScramMechanism = Exclude<SaslMechanism, 'PLAIN'>

export const scramMechanisms: readonly ScramMechanism[] = ['SCRAM-SHA-256', 'SCRAM-SHA-512']

/** By what a user's proof is checked; the password does not follow from it. (RFC 5802; Kafka: ScramCredential) */
export interface ScramCredential {
  readonly salt: Buffer
  readonly iterations: number
  readonly storedKey: Buffer
  readonly serverKey: Buffer
}

/** What a client makes of a password before it sends it. */
export interface SaltedPassword {
  readonly salt: Buffer
  readonly iterations: number
  readonly saltedPassword: Buffer
}

/** The credential of a password that came salted. */
export function credentialOf(
  mechanism: ScramMechanism,
  { salt, iterations, saltedPassword }: SaltedPassword,
): ScramCredential {
  const storedKey = digest(mechanism, hmac(mechanism, saltedPassword, 'Client Key'))
  return { salt, iterations, storedKey, serverKey: hmac(mechanism, saltedPassword, 'Server Key') }
}

export function saltPassword(
  mechanism: ScramMechanism,
  password: string,
  salt: Buffer,
  iterations: number,
): SaltedPassword {
  const { hash, bytes } = hashes[mechanism]
  return { salt, iterations, saltedPassword: pbkdf2Sync(password, salt, iterations, bytes, hash) }
}

export function hmac(mechanism: ScramMechanism, key: Buffer, data: string | Buffer): Buffer {
  return createHmac(hashes[mechanism].hash, key).update(data).digest()
}

export function digest(mechanism: ScramMechanism, data: Buffer): Buffer {
  return createHash(hashes[mechanism].hash).update(data).digest()
}

const hashes = {
  'SCRAM-SHA-256': { hash: 'sha256', bytes: 32 },
  'SCRAM-SHA-512': { hash: 'sha512', bytes: 64 },
} as const
