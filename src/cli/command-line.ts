import { parseArgs } from 'node:util'
import { maxPartitions } from '../log/log-config.ts'
import { describeError } from '../thrown.ts'
import type { TopicOptions } from '../topic-definition.ts'

/** What the command was asked to do. */
export interface CommandLine {
  readonly help: boolean
  readonly version: boolean
  readonly port: number
  readonly host: string
  readonly advertisedHost: string | undefined
  readonly brokers: number
  readonly topics: Readonly<Record<string, TopicOptions>>
  /** The options of topics that are created when first named; false if none are. */
  readonly autoCreate: TopicOptions | false
  readonly maxRecords: number | undefined
  readonly fetchMaxWaitMs: number | undefined
  readonly tls: { readonly key: string; readonly cert: string } | undefined
  /** Passwords by user name, if clients have to authenticate. */
  readonly users: Readonly<Record<string, string>> | undefined
  /** Those who may do everything, if all others may do only what access lists allow. */
  readonly superUsers: readonly string[] | undefined
  /** Whether to print a line for each request of a client. */
  readonly requests: boolean
  readonly quiet: boolean
}

/** An error in the arguments, with a message of one line. */
export class UsageError extends Error {
  override readonly name: string = 'UsageError'
}

export const usage: string = `brokerlet: a Kafka broker in memory, for tests and prototypes

  brokerlet [--port 9092] [--topic orders:6]...

  --port N             where to listen; default 9092, 0 for any that is free
  --host NAME          default 127.0.0.1
  --advertised-host NAME  the host that clients are told to come to; default that of --host
  --brokers N          shows a cluster of N brokers, on --port and the ports after it; default 1
  --topic NAME[:N]     makes a topic of N partitions, default 1; may be given again
  --auto-create [N]    makes topics when they are first named, of N partitions, default 1
  --fetch-max-wait MS  how long a fetch waits at most, whatever its client asks: with 50 clients of tests end quickly
  --max-records N      how many records are kept in all; default 1000000
  --tls-key FILE       speaks TLS, with --tls-cert FILE
  --sasl USER:PASSWORD serves only who proves to be USER (PLAIN, SCRAM); may be given again
  --super-user User:NAME  goes by access lists (ACLs), which this user may set, with --sasl; may be given again
  --requests           prints a line for each request of a client, with the errors in its answer
  --quiet              prints the address and nothing else
  --help, --version

The first line that it prints is its address: it listens by then. Then comes a line for each thing that happens.
`

/** @throws UsageError */
export function parseCommandLine(args: readonly string[]): CommandLine {
  // Whoever asks for help may have got the rest wrong.
  const asked = args.find(arg => ['--help', '-h', '--version'].includes(arg))
  const values = parse(asked === undefined ? args : [asked])
  const port = number('--port', values.port ?? '9092', 0, maxPort)
  const brokers = number('--brokers', values.brokers ?? '1', 1, 100)
  if (port + brokers - 1 > maxPort)
    throw new UsageError(`--port expected room for ${brokers} brokers up to ${maxPort}, received ${port}`)
  return {
    help: values.help ?? false,
    version: values.version ?? false,
    port,
    host: toHost('--host', values.host) ?? '127.0.0.1',
    advertisedHost: toHost('--advertised-host', values['advertised-host']),
    brokers,
    topics: byName('--topic', (values.topic ?? []).map(toTopic)),
    autoCreate: toAutoCreate(values['auto-create']),
    maxRecords: optional('--max-records', values['max-records']),
    fetchMaxWaitMs: optional('--fetch-max-wait', values['fetch-max-wait']),
    tls: toTls(values['tls-key'], values['tls-cert']),
    superUsers: toSuperUsers(values['super-user'], values.sasl),
    users: values.sasl && byName('--sasl', values.sasl.map(toUser)),
    requests: toRequests(values.requests ?? false, values.quiet ?? false),
    quiet: values.quiet ?? false,
  }
}

const maxPort = 65_535

const options = {
  port: { type: 'string' },
  host: { type: 'string' },
  'advertised-host': { type: 'string' },
  brokers: { type: 'string' },
  topic: { type: 'string', multiple: true },
  'auto-create': { type: 'string' },
  'max-records': { type: 'string' },
  'fetch-max-wait': { type: 'string' },
  'tls-key': { type: 'string' },
  'tls-cert': { type: 'string' },
  sasl: { type: 'string', multiple: true },
  'super-user': { type: 'string', multiple: true },
  requests: { type: 'boolean' },
  quiet: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
  version: { type: 'boolean' },
} as const

const withValue: ReadonlySet<string> = new Set(
  Object.entries(options).flatMap(([name, { type }]) => (type === 'string' ? [`--${name}`] : [])),
)

function parse(args: readonly string[]) {
  const given = args.flatMap((arg, i) => {
    const next = args[i + 1] ?? ''
    if (isNegative(arg) && withValue.has(args[i - 1] ?? '')) return []
    if (!withValue.has(arg)) return [arg]
    // Else parseArgs calls it ambiguous.
    if (isNegative(next)) return [`${arg}=${next}`]
    // Its number may be left out, which parseArgs does not support.
    if (arg === '--auto-create') return /^\d+$/.test(next) ? [arg] : [`${arg}=1`]
    if (next.startsWith('-')) throw new UsageError(`${arg} expected a value, received '${next}'`)
    return [arg]
  })
  try {
    return parseArgs({ args: given, options }).values
  } catch (error) {
    throw new UsageError(describeError(error).split(/\.\s/)[0]!)
  }
}

function isNegative(arg: string): boolean {
  return /^-\d/.test(arg)
}

function number(option: string, text: string, min: number, max = Number.MAX_SAFE_INTEGER): number {
  const value = Number(text)
  if (/^\d+$/.test(text) && value >= min && value <= max) return value
  const range =
    max === Number.MAX_SAFE_INTEGER && !(value > max) ? `of at least ${min}` : `from ${min} to ${max}`
  throw new UsageError(`${option} expected a whole number ${range}, received '${text}'`)
}

function optional(option: string, text: string | undefined): number | undefined {
  return text === undefined ? undefined : number(option, text, 1)
}

function toHost(option: string, host: string | undefined): string | undefined {
  if (host === '') throw new UsageError(`${option} expected a name or an address, received ''`)
  return host
}

function byName<Value>(
  option: string,
  entries: readonly (readonly [string, Value])[],
): Readonly<Record<string, Value>> {
  const named = new Map<string, Value>()
  for (const [name, value] of entries) {
    if (named.has(name)) throw new UsageError(`${option} ${name} was given twice`)
    named.set(name, value)
  }
  return Object.fromEntries(named)
}

// No consumer in this process reads the keys.
const keys = 'bytes'

function toTopic(text: string): readonly [string, TopicOptions] {
  const [, name, partitions = '1'] = /^([^:]+)(?::(.*))?$/.exec(text) ?? []
  if (name === undefined) throw new UsageError(`--topic expected NAME or NAME:PARTITIONS, received '${text}'`)
  return [name, { partitions: number(`--topic ${name}`, partitions, 1, maxPartitions), keys }]
}

function toUser(text: string): readonly [string, string] {
  const at = text.indexOf(':')
  if (at <= 0 || at === text.length - 1) throw new UsageError('--sasl expected USER:PASSWORD')
  return [text.slice(0, at), text.slice(at + 1)]
}

function toSuperUsers(
  given: readonly string[] | undefined,
  users: readonly string[] | undefined,
): readonly string[] | undefined {
  const superUsers = given?.map(toPrincipal)
  // Nobody could do anything, nor change that.
  if (superUsers !== undefined && users === undefined && !superUsers.includes('User:ANONYMOUS'))
    throw new UsageError('--super-user goes with --sasl: without that every client is User:ANONYMOUS')
  return superUsers
}

function toPrincipal(text: string): string {
  if (/^[^:]+:./.test(text)) return text
  throw new UsageError(`--super-user expected User:NAME, received '${text}'`)
}

function toAutoCreate(partitions: string | undefined): TopicOptions | false {
  return partitions === undefined
    ? false
    : { partitions: number('--auto-create', partitions, 1, maxPartitions), keys }
}

function toRequests(requests: boolean, quiet: boolean): boolean {
  if (requests && quiet) throw new UsageError('--requests and --quiet exclude each other')
  return requests
}

function toTls(key: string | undefined, cert: string | undefined): CommandLine['tls'] {
  if (key === undefined && cert === undefined) return undefined
  if (key === undefined || cert === undefined) throw new UsageError('--tls-key and --tls-cert go together')
  return { key, cert }
}
