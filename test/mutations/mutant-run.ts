import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { type Mutation, root } from './mutation.ts'

/** What noticed a bug: the simulation by an anomaly, a test, or nobody. `hangs` is a run that had to be ended. */
export type Outcome =
  | { readonly by: 'simulation'; readonly kind: string; readonly seed: number }
  | { readonly by: 'test'; readonly file: string; readonly title: string }
  | { readonly by: 'hangs' | 'nobody' }

// A run without an end has noticed its bug; one that only takes long, on a busy machine, has not.
const longestMs = 600_000

/** Runs the simulation and the tests with a bug in the core, or with none; first the file that will `likely` notice. */
export async function runMutant(
  mutation: Mutation | undefined,
  id: string,
  likely?: string,
): Promise<Outcome> {
  const report = path.join(root, 'reports', 'mutations', `${id}.json`)
  const status = await runVitest({
    MUTATION_REPORT: report,
    ...(mutation === undefined ? {} : { MUTATION: mutation.name }),
    ...(likely === undefined ? {} : { MUTATION_LIKELY: likely }),
  })
  if (status === 'hangs') return { by: 'hangs' }
  const outcome = readOutcome(report)
  if ((outcome.by === 'nobody') !== (status === 0))
    throw new Error(`The run of '${mutation?.name ?? 'no bug'}' failed by itself, see ${report}`)
  return outcome
}

function runVitest(env: Readonly<Record<string, string>>): Promise<number | 'hangs'> {
  const vitest = path.join(root, 'node_modules', 'vitest', 'vitest.mjs')
  const args = [vitest, 'run', '--config', path.join(import.meta.dirname, 'vitest.config.ts')]
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, {
      cwd: root,
      env: { ...process.env, ...env },
      stdio: 'ignore',
    })
    const timer = setTimeout(() => child.kill('SIGKILL'), longestMs)
    child.on('error', reject)
    child.on('exit', (status, signal) => {
      clearTimeout(timer)
      // What the simulation hangs in, its watchdog ends before that.
      resolve(signal === 'SIGKILL' ? 'hangs' : (status ?? 1))
    })
  })
}

interface Report {
  readonly testResults: readonly {
    readonly name: string
    readonly assertionResults: readonly {
      readonly status: string
      readonly fullName: string
      readonly meta: { readonly anomaly?: { readonly kind: string; readonly seed: number } }
    }[]
  }[]
}

function readOutcome(file: string): Outcome {
  const { testResults } = JSON.parse(readFileSync(file, 'utf8')) as Report
  for (const { name, assertionResults } of testResults) {
    for (const { status, fullName, meta } of assertionResults) {
      if (status !== 'failed') continue
      if (meta.anomaly) return { by: 'simulation', ...meta.anomaly }
      return { by: 'test', file: path.relative(root, name), title: fullName }
    }
  }
  return { by: 'nobody' }
}
