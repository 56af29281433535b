import { spawn } from 'node:child_process'
import { once } from 'node:events'
import net from 'node:net'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

const libs = path.join(import.meta.dirname, 'connect', 'target', 'libs', '*')

/** A program of Kafka Connect, or MirrorMaker, that runs until it is ended. */
export class JavaProgram {
  #process
  #output = ''

  constructor(name, args) {
    const options = ['-XX:TieredStopAtLevel=1', '-Dlog4j2.level=WARN', '-cp', libs]
    this.#process = spawn('java', [...options, name, ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
    for (const stream of [this.#process.stdout, this.#process.stderr]) {
      stream.on('data', chunk => {
        this.#output = (this.#output + chunk).slice(-10_000)
      })
    }
    process.once('exit', () => this.#process.kill('SIGKILL'))
  }

  /** The end of what it printed. */
  get output() {
    return this.#output
  }

  /** Ends it in order. */
  stop() {
    return this.#end('SIGTERM')
  }

  /** Ends it as a crash would. */
  kill() {
    return this.#end('SIGKILL')
  }

  async #end(signal) {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return
    const exited = once(this.#process, 'exit')
    this.#process.kill(signal)
    await exited
  }
}

/** Asks again until it is so; what fails meanwhile is told in the end, with what the program printed. */
export async function eventually(isSo, program) {
  const deadline = Date.now() + 30_000
  let failure
  for (;;) {
    try {
      if (await isSo()) return
      failure = undefined
    } catch (error) {
      failure = error
    }
    if (Date.now() > deadline) {
      throw new Error(`it did not come to be so: ${isSo}\n${program.output}`, { cause: failure })
    }
    await sleep(50)
  }
}

/** Held all at once, so that they differ. */
export async function freePorts(count) {
  const servers = Array.from({ length: count }, () => net.createServer().listen(0, '127.0.0.1'))
  await Promise.all(servers.map(server => once(server, 'listening')))
  const ports = servers.map(server => server.address().port)
  await Promise.all(servers.map(server => once(server.close(), 'close')))
  return ports
}
