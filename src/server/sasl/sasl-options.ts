import { type Check, checkOptions, invalidOption } from '../../validate.ts'

/** The mechanism by which a client authenticates. */
export type SaslMechanism = 'PLAIN' | 'SCRAM-SHA-256' | 'SCRAM-SHA-512'

export const saslMechanisms: readonly SaslMechanism[] = ['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512']

/** The users that may connect, and how they authenticate. */
export interface SaslOptions {
  /** Passwords by user name. */
  readonly users: Readonly<Record<string, string>>
  /** The mechanisms that clients may choose; default all three. */
  readonly mechanisms?: readonly SaslMechanism[] | undefined
}

const userTable: Check = {
  expected: 'passwords by user name, at least one',
  accepts: value =>
    typeof value === 'object' &&
    value !== null &&
    Object.keys(value).length > 0 &&
    Object.values(value).every(each => typeof each === 'string'),
  isSecret: true,
}

const mechanismList: Check = {
  expected: `an array of ${saslMechanisms.join(', ')}, at least one`,
  accepts: value =>
    Array.isArray(value) &&
    value.length > 0 &&
    value.every(each => saslMechanisms.includes(each as SaslMechanism)),
}

/** @throws InvalidOptionError */
export function checkSaslOptions(options: SaslOptions): void {
  checkOptions('serve: sasl', options, { users: userTable, mechanisms: mechanismList })
  if (options.users === undefined) throw invalidOption('serve: sasl', 'users', userTable.expected, undefined)
}
