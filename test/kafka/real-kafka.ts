import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import net from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { metadata } from '../../src/server/protocol/messages/metadata.ts'
import { WireClient } from '../helpers/wire-client.ts'

/**
 * For a Kafka that no test kills. Where the machine has more to do, a broker may be late with its heartbeats by longer than a
 * test can wait to see that one is dead. It is taken for dead then, and for a moment it leads and coordinates nothing.
 */
export const neverKilled = { 'broker.session.timeout.ms': 60_000 } as const

/** Where `npm run kafka:fetch` puts Apache Kafka. */
const libs = path.resolve(import.meta.dirname, '../java/target/libs')

/** The version of Apache Kafka that is fetched. */
export const kafkaVersion: string = /<kafka.version>(.*)</.exec(
  readFileSync(path.resolve(import.meta.dirname, '../java/pom.xml'), 'utf8'),
)![1]!

/** Whether Apache Kafka can be started here: it needs Java, and its jars. */
export const isKafkaInstalled: boolean = existsSync(libs) && spawnSync('java', ['-version']).status === 0

export interface RealKafkaOptions {
  /** The port that clients are told; by default the one that it listens on. For a proxy before it. */
  readonly advertisedPort?: number
  /** A second port, for clients that prove who they are, by SASL PLAIN. */
  readonly sasl?: { readonly users: Readonly<Record<string, string>>; readonly advertisedPort?: number }
  /** More of `server.properties`, or something else than the defaults here. */
  readonly properties?: Readonly<Record<string, string | number>>
  /** What Java gets. Default: a heap of 1 GiB, as Kafka's own scripts give it. */
  readonly javaOptions?: readonly string[]
  /** How long it may take to start. Default: 60,000. */
  readonly startTimeoutMs?: number
}

/** One node of Apache Kafka, broker and controller in one, on a port and in a folder of its own. */
export class RealKafka {
  /** Its number in its cluster. */
  readonly nodeId: number
  /** Its `host:port`, the same after each start. */
  readonly address: string
  readonly port: number
  /** Where it wants to know who its clients are, with the option `sasl`. */
  readonly saslPort: number
  readonly #folder: string
  readonly #options: RealKafkaOptions
  #process: ChildProcess | undefined

  constructor({ nodeId, port, saslPort }: Ports, folder: string, options: RealKafkaOptions) {
    this.nodeId = nodeId
    this.port = port
    this.saslPort = saslPort
    this.address = `127.0.0.1:${port}`
    this.#folder = folder
    this.#options = options
  }

  /** Of its process, while it runs. */
  get pid(): number {
    if (this.#process?.pid === undefined) throw new Error('this Kafka is not running')
    return this.#process.pid
  }

  /** Starts it (again), on its port and with the data it has; resolves when it can be used. */
  async start(): Promise<void> {
    if (this.#process !== undefined) throw new Error('this Kafka is running already')
    const { javaOptions = ['-Xmx1g', '-Xms1g'], startTimeoutMs = 60_000 } = this.#options
    const child = java([...javaOptions, '-cp', classPath, 'kafka.Kafka', propertiesIn(this.#folder)])
    this.#process = child.process
    const deadline = AbortSignal.timeout(startTimeoutMs)
    while (!(await answers(this.port))) {
      const ended = this.#process.exitCode ?? this.#process.signalCode
      if (ended === null && !deadline.aborted) {
        await wait(20)
        continue
      }
      await this.kill()
      throw new Error(
        `Kafka ${ended === null ? 'does not answer' : `ended with ${ended}`}:\n${child.output()}`,
      )
    }
  }

  /** Stops it in order. */
  stop(): Promise<void> {
    return this.#end('SIGTERM')
  }

  /** Ends it as a crash would. */
  kill(): Promise<void> {
    return this.#end('SIGKILL')
  }

  /** Stands still until `resume` or `kill`: it takes connections, and answers nothing. */
  suspend(): void {
    process.kill(this.pid, 'SIGSTOP')
  }

  resume(): void {
    process.kill(this.pid, 'SIGCONT')
  }

  /** Ends it for good; its data is gone. */
  async close(): Promise<void> {
    await this.kill()
    await rm(this.#folder, { recursive: true, force: true })
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#process
    this.#process = undefined
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    const exited = once(child, 'exit')
    child.kill(signal)
    await exited
  }
}

/** Starts Apache Kafka; takes two to three seconds. */
export async function startRealKafka(options: RealKafkaOptions = {}): Promise<RealKafka> {
  const [kafka] = await startNodes(1, options)
  return kafka!
}

/** Starts so many nodes of Apache Kafka that are one cluster. */
export async function startNodes(count: number, options: RealKafkaOptions): Promise<RealKafka[]> {
  if (!isKafkaInstalled) throw new Error('a real Kafka needs Java and `npm run kafka:fetch`')
  const free = await freePorts(3 * count)
  const ports = Array.from({ length: count }, (_, n) => {
    const [port, saslPort, controllerPort] = free.slice(3 * n) as [number, number, number]
    return { nodeId: n + 1, port, saslPort, controllerPort }
  })
  const voters = ports.map(({ nodeId, controllerPort }) => `${nodeId}@127.0.0.1:${controllerPort}`).join()
  const nodes: RealKafka[] = []
  const start = async (each: Ports) => {
    const folder = await mkdtemp(path.join(tmpdir(), 'brokerlet-kafka-'))
    const kafka = new RealKafka(each, folder, options)
    nodes.push(kafka)
    await writeFile(propertiesIn(folder), properties(folder, each, voters, options))
    await format(folder)
    await kafka.start()
  }
  // None is ready before most of them are there.
  const started = await Promise.allSettled(ports.map(start))
  const failed = started.find(({ status }) => status === 'rejected') as PromiseRejectedResult | undefined
  if (failed === undefined) return nodes.sort((a, b) => a.nodeId - b.nodeId)
  await Promise.all(nodes.map(kafka => kafka.close()))
  throw failed.reason
}

/** Runs one of Kafka's command line tools, by the name of its class; resolves with what it printed. */
export async function runTool(name: string, ...args: readonly string[]): Promise<string> {
  const child = java(['-Xmx128m', '-XX:TieredStopAtLevel=1', '-cp', classPath, name, ...args])
  const [code] = await once(child.process, 'close')
  if (code !== 0) throw new Error(`${name} ended with ${code}:\n${child.output()}`)
  return child.output()
}

// Whoever has started it may not end it: a hook may be over before it is there. A runner may end a busy worker without a
// word, so another process waits for the end of a pipe.
function endWithParent(child: ChildProcess): void {
  const watch = spawn('sh', ['-c', 'read _; kill -9 "$0"', String(child.pid)], {
    stdio: ['pipe', 'ignore', 'ignore'],
  })
  child.once('exit', () => watch.kill('SIGKILL'))
}

/** Runs one of Kafka's programs; what it prints is kept for an error. */
function java(args: readonly string[]): { readonly process: ChildProcess; readonly output: () => string } {
  const child = spawn('java', args, { stdio: ['ignore', 'pipe', 'pipe'] })
  endWithParent(child)
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8')
    stream.on('data', (chunk: string) => {
      output = (output + chunk).slice(-10_000)
    })
  }
  return { process: child, output: () => output }
}

const classPath = path.join(libs, '*')
const propertiesIn = (folder: string) => path.join(folder, 'server.properties')

interface Ports {
  readonly nodeId: number
  readonly port: number
  readonly saslPort: number
  readonly controllerPort: number
}

function properties(
  folder: string,
  { nodeId, port, saslPort, controllerPort }: Ports,
  voters: string,
  { advertisedPort = port, sasl, properties: own }: RealKafkaOptions,
): string {
  const listeners = [`PLAINTEXT://127.0.0.1:${port}`, `CONTROLLER://127.0.0.1:${controllerPort}`]
  const advertised = [`PLAINTEXT://127.0.0.1:${advertisedPort}`]
  if (sasl !== undefined) {
    listeners.push(`SASL://127.0.0.1:${saslPort}`)
    advertised.push(`SASL://127.0.0.1:${sasl.advertisedPort ?? saslPort}`)
  }
  const values = {
    'process.roles': 'broker,controller',
    'node.id': nodeId,
    'controller.quorum.voters': voters,
    'controller.listener.names': 'CONTROLLER',
    listeners: listeners.join(),
    'advertised.listeners': advertised.join(),
    'listener.security.protocol.map': 'PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SASL:SASL_PLAINTEXT',
    'inter.broker.listener.name': 'PLAINTEXT',
    'sasl.enabled.mechanisms': 'PLAIN',
    'listener.name.sasl.plain.sasl.jaas.config': plainLogin(sasl?.users ?? {}),
    'log.dirs': path.join(folder, 'data'),
    'group.initial.rebalance.delay.ms': 0,
    // After a kill a broker is let in again when its old session is over: by default after 9 seconds.
    'broker.session.timeout.ms': 2000,
    'broker.heartbeat.interval.ms': 500,
    // One node has to do; fewer partitions make it start sooner.
    'offsets.topic.replication.factor': 1,
    'offsets.topic.num.partitions': 4,
    'transaction.state.log.replication.factor': 1,
    'transaction.state.log.min.isr': 1,
    'transaction.state.log.num.partitions': 4,
    'share.coordinator.state.topic.replication.factor': 1,
    'share.coordinator.state.topic.min.isr': 1,
    'share.coordinator.state.topic.num.partitions': 1,
    ...own,
  }
  return Object.entries(values)
    .map(([name, value]) => `${name}=${value}\n`)
    .join('')
}

function plainLogin(users: Readonly<Record<string, string>>): string {
  const known = Object.entries(users).map(([name, password]) => `user_${name}="${password}"`)
  return `${['org.apache.kafka.common.security.plain.PlainLoginModule required', ...known].join(' ')};`
}

async function format(folder: string): Promise<void> {
  // Any 16 bytes as base64url name a cluster.
  const clusterId = 'YnJva2VybGV0LXRlc3Qtbg'
  await runTool('kafka.tools.StorageTool', 'format', '-t', clusterId, '-c', propertiesIn(folder))
}

/** Held all at once, so that they differ. */
async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => net.createServer().listen(0, '127.0.0.1'))
  await Promise.all(servers.map(server => once(server, 'listening')))
  const ports = servers.map(server => (server.address() as net.AddressInfo).port)
  await Promise.all(servers.map(server => once(server.close(), 'close')))
  return ports
}

/** Whether there is a broker that knows itself as a part of its cluster. */
async function answers(port: number): Promise<boolean> {
  const socket = net.connect(port, '127.0.0.1')
  try {
    await once(socket, 'connect')
    const { brokers } = await new WireClient(socket, null, 10_000).call(metadata, 1, { topics: [] })
    return brokers.length > 0
  } catch {
    // Not yet: whoever asks has a deadline, and tells what Kafka printed.
    return false
  } finally {
    socket.destroy()
  }
}
