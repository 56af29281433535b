import { InvalidOptionError } from '../errors.ts'
import { didYouMean, suggest } from '../suggest.ts'

/** Kafka's numbers of config types. (Kafka: ConfigDef.Type) */
export const configTypes = { boolean: 1, string: 2, int: 3, long: 5, double: 6, list: 7 } as const

export type ConfigType = keyof typeof configTypes

/** The greatest values of types, as texts: a number does not hold the greatest long exactly. */
export const greatest = { int: '2147483647', long: '9223372036854775807' } as const

/** Kafka's numbers of where a config's value comes from. (Kafka: DescribeConfigsResponse.ConfigSource) */
export const configSources = {
  topic: 1,
  broker: 2,
  allBrokers: 3,
  server: 4,
  default: 5,
  clientMetrics: 7,
  group: 8,
} as const

/** A config by Kafka's name, and which values it may have. (Kafka: ConfigDef) */
export interface ConfigDefinition {
  readonly name: string
  readonly type: ConfigType
  readonly least?: number | undefined
  readonly most?: number | undefined
  /** All its values, or all elements of its list, if they are few. */
  readonly values?: readonly string[] | undefined
  /** Whether its list may not name anything twice, nor nothing. */
  readonly distinct?: true | undefined
  /** Why a text is not one of its values, where type and limits do not say so. */
  readonly check?: ((text: string) => string | undefined) | undefined
}

/** A value of a config, and where it is from. */
export interface ConfigSource {
  readonly name: string
  readonly value: string
  readonly source: number
}

/** What a request changes of a resource's configs; null resets one to its default. */
export interface ConfigChanges {
  readonly named: ReadonlyMap<string, string | null>
  /** Whether configs that are not named are reset, too. */
  readonly replaces: boolean
}

/** A resource's own configs after some changes. A config may be reset whatever its name is. @throws what `parse` throws */
export function changedTexts(
  before: ReadonlyMap<string, string> | undefined,
  { named, replaces }: ConfigChanges,
  parse: (name: string, value: string) => string,
): ReadonlyMap<string, string> {
  const own = new Map(replaces ? [] : before)
  for (const [name, value] of named) {
    if (value === null) own.delete(name)
    else own.set(name, parse(name, value))
  }
  return own
}

/** The error for a config that there is not, with names that are like its own. */
export function unknownConfig(
  kind: 'topic' | 'group',
  name: string,
  known: readonly ConfigDefinition[],
): InvalidOptionError {
  const suggestions = suggest(
    name,
    known.map(config => config.name),
  )
  const message = `Unknown ${kind} config name: ${name}${didYouMean(suggestions)}`
  return new InvalidOptionError(message, { option: name, suggestions })
}

/**
 * Checks a value, and returns its text as it is told back.
 *
 * @throws InvalidOptionError, in Kafka's words, if it is not a value of that config
 */
export function parseConfigText(config: ConfigDefinition, given: string): string {
  const { type, values } = config
  switch (type) {
    case 'boolean': {
      const text = given.trim().toLowerCase()
      if (text === 'true' || text === 'false') return text
      throw invalidValue(config, given, 'Expected value to be either true or false')
    }
    case 'string': {
      const text = given.trim()
      if (values !== undefined && !values.includes(text)) throw invalidValue(config, text, oneOf(values))
      return checked(config, text, text)
    }
    case 'list':
      return parseList(config, given.trim())
    default:
      return parseNumber(config, given)
  }
}

function parseList(config: ConfigDefinition, text: string): string {
  const { name, values, distinct = false } = config
  const elements = elementsOf(text)
  const refuse = (how: string) => {
    const message = `Configuration '${name}' values must not be ${how}.`
    throw new InvalidOptionError(message, { option: name, received: text })
  }
  if (distinct && new Set(elements).size < elements.length) refuse('duplicated')
  if ((distinct || values !== undefined) && elements.includes('')) refuse('empty')
  const other = elements.find(element => values?.includes(element) === false)
  if (other !== undefined) throw invalidValue(config, other, oneOf(values!))
  return checked(config, [...new Set(elements)].join(), `[${elements.join(', ')}]`)
}

function parseNumber(config: ConfigDefinition, given: string): string {
  const { type, least = -Infinity, most = Infinity } = config
  const text = given.trim()
  const isOne =
    type === 'double'
      ? /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text) && Number.isFinite(Number(text))
      : isInteger(text, type === 'int' ? 32 : 64)
  if (!isOne) throw invalidValue(config, given, `Not a number of type ${type.toUpperCase()}`)
  const told = type === 'double' ? doubleText(Number(text)) : String(BigInt(text.replace('+', '')))
  if (Number(text) < least) throw invalidValue(config, told, `Value must be at least ${least}`)
  if (Number(text) > most) throw invalidValue(config, told, `Value must be no more than ${most}`)
  return checked(config, told, told)
}

function checked(config: ConfigDefinition, text: string, told: string): string {
  const why = config.check?.(text)
  if (why !== undefined) throw invalidValue(config, told, why)
  return text
}

function isInteger(text: string, bits: number): boolean {
  if (!/^[+-]?\d+$/.test(text)) return false
  const value = BigInt(text.replace('+', ''))
  return BigInt.asIntN(bits, value) === value
}

/** A number of type double, as Java writes it. */
export function doubleText(value: number): string {
  const size = Math.abs(value)
  if (size === 0 || (size >= 1e-3 && size < 1e7))
    return Number.isInteger(value) ? value.toFixed(1) : String(value)
  const [digits = '', exponent = ''] = value.toExponential().split('e')
  return `${digits.includes('.') ? digits : `${digits}.0`}E${Number(exponent)}`
}

/** The elements of a list; none of an empty text. */
export function elementsOf(text: string): string[] {
  return text === '' ? [] : text.split(',').map(each => each.trim())
}

/** The error for a value that a config may not have. */
function invalidValue(
  { name }: Pick<ConfigDefinition, 'name'>,
  text: string,
  why: string,
): InvalidOptionError {
  return new InvalidOptionError(`Invalid value ${text} for configuration ${name}: ${why}`, {
    option: name,
    received: text,
  })
}

function oneOf(values: readonly string[]): string {
  return `String must be one of: ${values.join(', ')}`
}
