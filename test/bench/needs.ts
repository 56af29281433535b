import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import net from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { isKafkaInstalled, startRealKafka } from '../kafka/real-kafka.ts'
import { buildPackage } from './build.ts'
import { installPackages } from './install.ts'
import type { Need } from './row.ts'
import { isInstalled } from './wire/server.ts'

/** A need that is ready: a folder, or a server on loopback in a process of its own. */
interface Ready {
  readonly where: string
  close(): Promise<void>
}

/** How a need is met. */
interface Source {
  /** Installs what is missing; resolves with the reason where it cannot, or undefined. */
  install(): Promise<string | undefined>
  start(): Promise<Ready>
}

/** A program that listens on a port, with a folder to write to. */
function program(name: string, options: (port: number, folder: string) => readonly string[]): Source {
  return {
    install: async () => (isInstalled(name) ? installPackages() : `needs ${name}`),
    async start() {
      const folder = await mkdtemp(path.join(tmpdir(), 'brokerlet-bench-'))
      const port = await freePort()
      const child = spawn(name, options(port, folder), { stdio: 'ignore' })
      const kill = () => child.kill('SIGKILL')
      process.once('exit', kill)
      await listening(child, port)
      return {
        where: `127.0.0.1:${port}`,
        async close() {
          process.off('exit', kill)
          const exited = once(child, 'exit')
          kill()
          await exited
          await rm(folder, { recursive: true, force: true })
        },
      }
    },
  }
}

/** Each server keeps its data in memory, except Kafka, whose log is on disk. */
export const needs: Readonly<Record<Need, Source>> = {
  'the built package': {
    install: async () => undefined,
    start: async () => ({ where: await buildPackage(), close: async () => {} }),
  },
  'nats-server': program('nats-server', (port, folder) => [
    '--addr',
    '127.0.0.1',
    '--port',
    `${port}`,
    '--jetstream',
    '--store_dir',
    folder,
  ]),
  'redis-server': program('redis-server', (port, folder) => [
    '--bind',
    '127.0.0.1',
    '--port',
    `${port}`,
    '--dir',
    folder,
    '--save',
    '',
    '--appendonly',
    'no',
  ]),
  'Apache Kafka': {
    install: async () => (isKafkaInstalled ? installPackages() : 'needs Java and `npm run kafka:fetch`'),
    async start() {
      const kafka = await startRealKafka()
      return { where: kafka.address, close: () => kafka.close() }
    },
  },
}

async function freePort(): Promise<number> {
  const server = net.createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as net.AddressInfo
  await once(server.close(), 'close')
  return port
}

async function listening(child: ChildProcess, port: number): Promise<void> {
  while (child.exitCode === null) {
    const socket = net.connect(port, '127.0.0.1')
    const answered = await once(socket, 'connect').then(
      () => true,
      () => false,
    )
    socket.destroy()
    if (answered) return
    await wait(20)
  }
  throw new Error(`a server ended with ${child.exitCode}`)
}
