import { spawn } from 'node:child_process'
import path from 'node:path'

const root = path.resolve(import.meta.dirname, '../..')

export interface Run {
  /** The exit code, or the signal that ended it. */
  readonly exit: number | NodeJS.Signals | null
  readonly lines: readonly string[]
  readonly errors: string
  readonly ms: number
}

interface RunOptions {
  readonly args?: readonly string[]
  /** Modules that are loaded before the example. */
  readonly before?: readonly string[]
  /** Called with every line; `kill` sends a signal. */
  onLine?(line: string, kill: (signal: NodeJS.Signals) => void): unknown
}

/** Runs an example as a process of its own, without a terminal, as its reader would. */
export function runExample(file: string, { args = [], before = [], onLine }: RunOptions = {}): Promise<Run> {
  const imports = ['tsx', ...before].flatMap(module => ['--import', module])
  const started = performance.now()
  const child = spawn(process.execPath, [...imports, path.join('examples', file), ...args], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const lines: string[] = []
  let rest = ''
  let errors = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    const parts = (rest + text).split('\n')
    rest = parts.pop()!
    for (const line of parts) {
      lines.push(line)
      onLine?.(line, signal => child.kill(signal))
    }
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    errors += text
  })
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code, signal) => {
      resolve({ exit: code ?? signal, lines, errors, ms: performance.now() - started })
    })
  })
}
