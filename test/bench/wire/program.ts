import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'

const timeoutMs = 120_000

/** Runs a program to its end; resolves with its output. */
export async function run(command: readonly string[], cwd?: string): Promise<string> {
  const { child, complaint } = start(command, cwd)
  let printed = ''
  child.stdout!.setEncoding('utf8').on('data', (chunk: string) => {
    printed += chunk
  })
  child.stdin!.end()
  const [status] = await once(child, 'close')
  if (status !== 0) throw new Error(`\`${command.join(' ')}\` ended with ${status}: ${complaint()}`)
  return printed
}

/** Runs a program to its end; resolves with how long it took, in milliseconds. Its output is ignored. */
export async function time(command: readonly string[]): Promise<number> {
  const started = performance.now()
  const { child, complaint } = start(command, undefined, 'ignore')
  child.stdin!.end()
  const [status] = await once(child, 'close')
  if (status !== 0) throw new Error(`\`${command.join(' ')}\` ended with ${status}: ${complaint()}`)
  return performance.now() - started
}

/** A program that runs as a server. */
export interface Program {
  readonly pid: number
  /** The first line of its output. */
  readonly greeting: string
  /** Sends it a line, and resolves with its answer. */
  ask(line: string): Promise<string>
  close(): Promise<void>
}

/** Starts a program that ends when its input ends or when it is killed; resolves when it has printed its first line. */
export async function serve(command: readonly string[]): Promise<Program> {
  const { child, complaint } = start(command, undefined, 'pipe', 0)
  const lines = createInterface({ input: child.stdout! })[Symbol.asyncIterator]()
  const next = async (): Promise<string> => {
    const { value, done } = await lines.next()
    if (done) throw new Error(`\`${command.join(' ')}\` ended: ${complaint()}`)
    return value
  }
  const greeting = await next()
  return {
    pid: child.pid!,
    greeting,
    ask(line) {
      child.stdin!.write(`${line}\n`)
      return next()
    },
    async close() {
      const closed = once(child, 'close')
      child.stdin!.end()
      child.kill('SIGTERM')
      await closed
    },
  }
}

function start(
  [program, ...args]: readonly string[],
  cwd: string | undefined,
  stdout: 'pipe' | 'ignore' = 'pipe',
  timeout = timeoutMs,
): { readonly child: ChildProcess; readonly complaint: () => string } {
  const child = spawn(program!, args, { ...(cwd && { cwd }), stdio: ['pipe', stdout, 'pipe'], timeout })
  const killWithParent = () => child.kill('SIGKILL')
  process.once('exit', killWithParent)
  child.once('close', () => process.off('exit', killWithParent))
  let complaint = ''
  child.stderr!.setEncoding('utf8').on('data', (chunk: string) => {
    complaint = (complaint + chunk).slice(-2000)
  })
  // A program that cannot be started is closed, too, with a negative status.
  child.on('error', error => {
    complaint = String(error)
  })
  return { child, complaint: () => complaint.trim() }
}
