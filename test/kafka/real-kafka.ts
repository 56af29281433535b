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
  /** Its `host:port`, the same after each start. */
  readonly address: string
  readonly port: number
  /** Where it wants to know who its clients are, with the option `sasl`. */
  readonly saslPort: number
  readonly #folder: string
  readonly #options: RealKafkaOptions
  #process: ChildProcess | undefined
  readonly #killWithParent = () => this.#process?.kill('SIGKILL')

  constructor({ port, saslPort }: Ports, folder: string, options: RealKafkaOptions) {
    this.port = port
    this.saslPort = saslPort
    this.address = `127.0.0.1:${port}`
    this.#folder = folder
    this.#options = options
    process.once('exit', this.#killWithParent)
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

  /** Ends it for good; its data is gone. */
  async close(): Promise<void> {
    await this.kill()
    process.off('exit', this.#killWithParent)
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
  if (!isKafkaInstalled) throw new Error('a real Kafka needs Java and `npm run kafka:fetch`')
  const [port, saslPort, controllerPort] = (await freePorts(3)) as [number, number, number]
  const ports = { port, saslPort, controllerPort }
  const folder = await mkdtemp(path.join(tmpdir(), 'brokerlet-kafka-'))
  const kafka = new RealKafka(ports, folder, options)
  try {
    await writeFile(propertiesIn(folder), properties(folder, ports, options))
    await format(folder)
    await kafka.start()
    return kafka
  } catch (error) {
    await kafka.close()
    throw error
  }
}

/** Runs one of Kafka's programs; what it prints is kept for an error. */
function java(args: readonly string[]): { readonly process: ChildProcess; readonly output: () => string } {
  const child = spawn('java', args, { stdio: ['ignore', 'pipe', 'pipe'] })
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
  readonly port: number
  readonly saslPort: number
  readonly controllerPort: number
}

function properties(
  folder: string,
  { port, saslPort, controllerPort }: Ports,
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
    'node.id': 1,
    'controller.quorum.voters': `1@127.0.0.1:${controllerPort}`,
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
  const program = ['kafka.tools.StorageTool', 'format', '-t', clusterId, '-c', propertiesIn(folder)]
  const child = java(['-XX:TieredStopAtLevel=1', '-cp', classPath, ...program])
  const [code] = await once(child.process, 'close')
  if (code !== 0) throw new Error(`formatting the storage of Kafka ended with ${code}:\n${child.output()}`)
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
    const { brokers } = await new WireClient(socket).call(metadata, 1, { topics: [] })
    return brokers.length > 0
  } catch {
    // Not yet: whoever asks has a deadline, and tells what Kafka printed.
    return false
  } finally {
    socket.destroy()
  }
}
