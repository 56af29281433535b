import { inspect } from 'node:util'
import { type ErrorFields, InvalidArgumentError, InvalidOptionError } from './errors.ts'
import { didYouMean, suggest } from './suggest.ts'
import { describeError } from './thrown.ts'
import { describeValue } from './value-text.ts'

/** What an option must be: `expected` is the end of the sentence "expected ...". */
export interface Check {
  readonly expected: string
  readonly accepts: (value: unknown) => boolean
  /** What each of a list must be: an error shows the first that is not. */
  readonly each?: Check
  /** Whether what is given may be secret: an error says of what kind it is, and no more. Default false. */
  readonly isSecret?: boolean
}

/** The options of one call, by name. An option that is `undefined` counts as left out. */
export type Checks<Options> = { readonly [Name in keyof Required<Options>]: Check }

/**
 * The words that other libraries have, or that a neighbouring call has: the option that is meant, or what there is
 * instead of one.
 */
export type OtherWords<Options> = Readonly<
  Record<string, (keyof Options & string) | { readonly instead: string }>
>

/**
 * Refuses what `checks` does not know or accept, naming the option, what was expected and what arrived. For a name among
 * `others` it says what is meant.
 */
export function checkOptions<Options extends object>(
  where: string,
  options: Options,
  checks: Checks<Options>,
  others: OtherWords<Options> = {},
): void {
  const known: Readonly<Record<string, Check>> = checks
  requireOptions(where, options, asOption(known, options))
  for (const [option, value] of optionsOf(where, options)) {
    if (!Object.hasOwn(known, option)) {
      const meant = Object.hasOwn(others, option) ? others[option]! : undefined
      if (typeof meant === 'object') throw elsewhere(where, option, meant.instead)
      const names = Object.keys(checks)
      throw unknownOption(where, option, names, meant === undefined ? suggest(option, names) : [meant])
    }
    const check = known[option]!
    if (value !== undefined && !accepts(check, value)) throw wrongOption(where, option, check, value)
  }
}

// The option that was probably meant, where its value alone was given: `idle(100)`.
function asOption(checks: Readonly<Record<string, Check>>, received: unknown): string {
  if (typeof received === 'object' || typeof received === 'function') return ''
  const found = Object.entries(checks).find(([, check]) => check !== anything && accepts(check, received))
  return found === undefined ? '' : `, such as { ${found[0]}: ${describeValue(received)} }`
}

function wrongOption(
  where: string,
  option: string,
  { expected, each, isSecret = false }: Check,
  value: unknown,
): InvalidOptionError {
  if (!isSecret) return invalidOption(where, option, expected, value, each)
  return optionError(where, option, `expected ${expected}, received ${kindOf(value)}`, { expected })
}

/** Of what kind a value is that must not be shown. */
export function kindOf(value: unknown): string {
  if (value === undefined || value === null) return String(value)
  if (Array.isArray(value)) return 'an array'
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`
}

/** Returns the options that an object has; refuses one that cannot be read, such as a proxy whose traps throw. */
export function optionsOf(where: string, options: object, fields?: ErrorFields): [string, unknown][] {
  try {
    return Object.entries(options)
  } catch (cause) {
    const message = `${where}: the options could not be read: ${describeError(cause)}`
    throw new InvalidOptionError(message, { ...fields, cause })
  }
}

/** Whether a check accepts a value. What cannot even be looked into is not what was expected. */
export function accepts(check: Check, value: unknown): boolean {
  try {
    return check.accepts(value)
  } catch {
    return false
  }
}

// Without a near match the name may be another library's, for something else: a list of all helps then.
function unknownOption(
  where: string,
  option: string,
  known: readonly string[],
  suggestions: readonly string[],
): InvalidOptionError {
  const all = known.length === 0 ? '; it takes no options' : `; known options: ${known.join(', ')}`
  const help = suggestions.length > 0 ? didYouMean(suggestions) : all
  return new InvalidOptionError(`${where}: unknown option '${option}'${help}`, { option, suggestions })
}

function elsewhere(where: string, option: string, instead: string): InvalidOptionError {
  return new InvalidOptionError(`${where}: unknown option '${option}'; ${instead}`, { option })
}

/** Refuses what is no object of options; `use` says what they are for. */
export function requireOptions(where: string, received: unknown, use = '', fields?: ErrorFields): void {
  if (typeof received === 'object' && received !== null && !accepts(aList, received)) return
  const expected = 'an object of options'
  const message = `${where}: expected ${expected}${use}, received ${describeValue(received)}`
  throw new InvalidOptionError(message, { expected, received, ...fields })
}

/** The error for an option that cannot be taken; `why` is the end of the sentence. */
export function optionError(
  where: string,
  option: string,
  why: string,
  fields?: ErrorFields,
): InvalidOptionError {
  return new InvalidOptionError(`${where}: option '${option}' ${why}`, { option, ...fields })
}

/** The error for an option with an invalid value. */
export function invalidOption(
  where: string,
  option: string,
  expected: string,
  received: unknown,
  each?: Check,
): InvalidOptionError {
  const why = `expected ${expected}, received ${describeValue(received)}${wrongOne(received, each)}`
  return optionError(where, option, why, { expected, received })
}

/** Refuses an option that has to be given, where it is left out. */
export function requireOption(where: string, option: string, value: unknown, check: Check): void {
  if (value === undefined) throw invalidOption(where, option, check.expected, value)
}

/** Refuses an argument of a call, saying what was expected and what arrived. */
export function requireArgument(where: string, field: string, value: unknown, check: Check): void {
  if (!accepts(check, value)) throw invalidArgument(where, field, check.expected, value, {}, check.each)
}

/** The error for an argument that cannot be meant. */
export function invalidArgument(
  where: string,
  field: string,
  expected: string,
  received: unknown,
  fields?: ErrorFields,
  each?: Check,
): InvalidArgumentError {
  const message = `${where}: expected ${expected}, received ${describeValue(received)}${wrongOne(received, each)}`
  return new InvalidArgumentError(message, { field, expected, received, ...fields })
}

function wrongOne(received: unknown, each: Check | undefined): string {
  if (each === undefined || !Array.isArray(received)) return ''
  const index = received.findIndex(one => !accepts(each, one))
  if (index === -1) return ''
  const shown = { depth: 0, breakLength: Number.POSITIVE_INFINITY, maxStringLength: 60, customInspect: false }
  return `, of which [${index}] is ${inspect(received[index], shown)}`
}

// The functions that make checks are marked for bundlers, which then leave out the checks that a door does not use.

/** A whole number from `min` to `max`. */
/* @__NO_SIDE_EFFECTS__ */
export function integer(min: number, max: number = Number.MAX_SAFE_INTEGER): Check {
  const range = max === Number.MAX_SAFE_INTEGER ? `of at least ${min}` : `from ${min} to ${max}`
  return {
    expected: `a whole number ${range}`,
    accepts: value => Number.isSafeInteger(value) && (value as number) >= min && (value as number) <= max,
  }
}

/** A whole number of at least `min`, or -1 for no limit. */
/* @__NO_SIDE_EFFECTS__ */
export function limit(min: number): Check {
  return {
    expected: `a whole number of at least ${min}, or -1 for no limit`,
    accepts: value => Number.isSafeInteger(value) && ((value as number) >= min || value === -1),
  }
}

/** A duration of zero or more milliseconds; `Infinity` means without end. */
export const duration: Check = {
  expected: 'a number of milliseconds, 0 or more',
  accepts: value => typeof value === 'number' && value >= 0,
}

/** A duration that comes to an end. */
export const finiteDuration: Check = {
  expected: 'a finite number of milliseconds, 0 or more',
  accepts: value => Number.isFinite(value) && (value as number) >= 0,
}

/** A share of a whole. */
export const fraction: Check = {
  expected: 'a number from 0 to 1',
  accepts: value => typeof value === 'number' && value >= 0 && value <= 1,
}

/** One of `values`. */
/* @__NO_SIDE_EFFECTS__ */
export function oneOf(...values: readonly string[]): Check {
  return {
    expected: `one of ${values.map(value => `'${value}'`).join(', ')}`,
    accepts: value => values.includes(value as string),
  }
}

/** `true` or `false`. */
export const boolean: Check = { expected: 'true or false', accepts: value => typeof value === 'boolean' }

/** A function. */
export const callback: Check = { expected: 'a function', accepts: value => typeof value === 'function' }

/** A string with something in it. */
export const name: Check = {
  expected: 'a string that is not empty',
  accepts: value => typeof value === 'string' && value !== '',
}

/** An array of anything. */
export const aList: Check = { expected: 'an array', accepts: value => Array.isArray(value) }

/** Whether a value is an array of nothing else; a hole in it is something else, which `every` would pass over. */
export function isListOf<T>(value: unknown, isOne: (each: unknown) => boolean): value is readonly T[] {
  return Array.isArray(value) && value.findIndex(each => !isOne(each)) === -1
}

/** A list of nothing but what `each` accepts. */
/* @__NO_SIDE_EFFECTS__ */
export function listOf(each: Check): Check {
  return {
    expected: `an array of ${each.expected}`,
    accepts: value => isListOf(value, each.accepts),
    each,
  }
}

/** A list of strings; `what` says of what. */
/* @__NO_SIDE_EFFECTS__ */
export function nameList(what: string): Check {
  return listOf({ expected: what, accepts: value => typeof value === 'string' })
}

/** An object of names: no array, and no Map either, whose entries are not its properties. */
export const anObject: Check = {
  expected: 'an object',
  accepts: value => typeof value === 'object' && value !== null && !(Symbol.iterator in value),
}

/** The same; `example` shows one. */
/* @__NO_SIDE_EFFECTS__ */
export function anObjectLike(example: string): Check {
  return { ...anObject, expected: `an object, such as ${example}` }
}

/** An object in which each of `methods` is a function. */
/* @__NO_SIDE_EFFECTS__ */
export function objectWith(...methods: readonly string[]): Check {
  return {
    expected: `an object with ${methods.map(method => `${method}()`).join(', ')}`,
    accepts: value =>
      typeof value === 'object' &&
      value !== null &&
      methods.every(method => typeof (value as Readonly<Record<string, unknown>>)[method] === 'function'),
  }
}

/** An `AbortSignal`, of this realm or another. */
export const abortSignal: Check = {
  expected: 'an AbortSignal',
  accepts: value =>
    typeof value === 'object' && value !== null && 'aborted' in value && 'addEventListener' in value,
}

/** Anything: the code that takes the value checks it more closely. */
export const anything: Check = { expected: 'anything', accepts: () => true }

/** Either of two. */
/* @__NO_SIDE_EFFECTS__ */
export function either(a: Check, b: Check): Check {
  return {
    expected: `${a.expected}, or ${b.expected}`,
    accepts: value => a.accepts(value) || b.accepts(value),
  }
}
