import { spawn } from 'node:child_process'

/** How the error begins of a program that was ended because its time was up. */
export const notDone = 'not done after'

/** How the error begins of a program that crashed: a signal ended it that nobody had sent. */
export const crashed = 'crashed with'

/** Runs a program to its end; gives what it printed. What it has started ends with it. */
export function run(
  command: readonly string[],
  options: { readonly cwd: string; readonly env?: NodeJS.ProcessEnv; readonly timeoutMs: number },
): Promise<string> {
  const { cwd, env = {}, timeoutMs } = options
  return new Promise((resolve, reject) => {
    const [program, ...args] = command
    const child = spawn(program!, args, {
      cwd,
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
      // A group of processes of its own, which can be ended as a whole.
      detached: true,
    })
    let stdout = ''
    let stderr = ''
    child.stdout.on('data', chunk => {
      stdout += chunk
    })
    child.stderr.on('data', chunk => {
      stderr = `${stderr}${chunk}`.slice(-20_000)
    })
    let late = false
    const deadline = setTimeout(() => {
      late = true
      process.kill(-child.pid!, 'SIGKILL')
    }, timeoutMs)
    child.on('error', error => {
      clearTimeout(deadline)
      reject(error)
    })
    child.on('close', (status, signal) => {
      clearTimeout(deadline)
      if (status === 0) return resolve(stdout)
      const ended = signal === null ? `ended with ${status}` : `${crashed} ${signal}`
      const what = late ? `${notDone} ${timeoutMs / 1000} s` : ended
      reject(new Error(`${what}\n${stdout.slice(-2000)}\n${stderr.slice(-2000)}`.trim()))
    })
  })
}
