import { readFileSync } from 'node:fs'
import { createSecureContext } from 'node:tls'
import { Broker } from '../broker.ts'
import { counted } from '../counted.ts'
import { oneLine } from '../one-line.ts'
import { RequestLog } from '../server/faults/request-log.ts'
import { serve } from '../server/serve.ts'
import { describeError } from '../thrown.ts'
import { type CommandLine, parseCommandLine, UsageError, usage } from './command-line.ts'

/** How the program reaches its user: its streams and signals. */
export interface Terminal {
  print(line: string): void
  complain(line: string): void
  /** Calls back when the program is asked to end. */
  onInterrupt(end: () => void): void
}

/** Runs the command until it is interrupted; returns the exit status of the process. */
export async function run(args: readonly string[], version: string, terminal: Terminal): Promise<number> {
  try {
    const command = parseCommandLine(args)
    if (command.help) terminal.print(usage)
    else if (command.version) terminal.print(version)
    else await serveUntilInterrupted(command, terminal)
    return 0
  } catch (error) {
    terminal.complain(`brokerlet: ${explain(error)}`)
    return error instanceof UsageError ? 2 : 1
  }
}

function explain(error: unknown): string {
  if (error instanceof UsageError) return `${error.message}; --help lists the options`
  const { cause, received } = error as {
    readonly cause?: { readonly code?: unknown }
    readonly received?: unknown
  }
  if (cause?.code === 'EADDRINUSE') return `port ${received} is taken`
  return describeError(error)
}

async function serveUntilInterrupted(command: CommandLine, terminal: Terminal): Promise<void> {
  const { port, host, brokers, topics, autoCreate, maxRecords, tls, users, superUsers, requests } = command
  const broker = new Broker({
    topics: Object.fromEntries(Object.entries(topics).map(([name, options]) => [name, { options }])),
    autoCreateTopics: autoCreate,
    ...(maxRecords === undefined ? {} : { maxRecords }),
  })
  try {
    if (!command.quiet) watch(broker, terminal)
    const pem = tls && readPem(tls)
    const server = await serve(broker, {
      port,
      host,
      advertisedHost: command.advertisedHost,
      brokers,
      fetchMaxWaitMs: command.fetchMaxWaitMs,
      ...(pem && { tls: pem }),
      ...(users && { sasl: { users } }),
      ...(superUsers && { authorizer: { superUsers } }),
      ...(requests && { requests: printed(terminal) }),
    })
    terminal.print(server.bootstrapServers)
    await new Promise<void>(resolve => terminal.onInterrupt(resolve))
  } finally {
    await broker.close()
  }
}

// What is printed need not be kept.
function printed(terminal: Terminal): RequestLog {
  const requests = new RequestLog({ maxRequests: 1 })
  requests.onDone = line => terminal.print(line)
  return requests
}

function readPem({ key, cert }: NonNullable<CommandLine['tls']>) {
  const pem = { key: read('--tls-key', key), cert: read('--tls-cert', cert) }
  try {
    createSecureContext(pem)
  } catch (error) {
    throw new Error(
      `--tls-key ${key} and --tls-cert ${cert} are no key and its certificate, in PEM: ${describeError(error)}`,
      { cause: error },
    )
  }
  return pem
}

function read(option: string, file: string): Buffer {
  try {
    return readFileSync(file)
  } catch (error) {
    throw new Error(`${option} ${file} cannot be read: ${describeError(error)}`, { cause: error })
  }
}

function watch(broker: Pick<Broker, 'on'>, terminal: Terminal): void {
  const print = (line: string) => terminal.print(oneLine(line))
  broker.on('topicCreated', ({ topic, partitions }) =>
    print(`topic ${topic} made, partitions: ${partitions}`),
  )
  broker.on('topicDeleted', ({ topic }) => print(`topic ${topic} deleted`))
  broker.on('partitionsAdded', ({ topic, to }) => print(`topic ${topic} grew, partitions: ${to}`))
  broker.on('topicAltered', ({ topic, options }) => print(`topic ${topic} altered: ${options.join(', ')}`))
  broker.on('groupCreated', ({ groupId }) => print(`group ${groupId} made`))
  broker.on('groupDeleted', ({ groupId }) => print(`group ${groupId} deleted`))
  broker.on('recordsDropped', ({ topic, partition, from, to, groups }) =>
    print(
      `${topic}-${partition}: ${counted(to - from, 'record')} dropped before ${groups.map(({ groupId }) => groupId).join(', ')} had read them`,
    ),
  )
  broker.on('error', error => print(`error: ${describeError(error)}`))
}
