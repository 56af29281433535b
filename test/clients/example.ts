import { performance } from 'node:perf_hooks'
import { type Cell, failed } from './cell.ts'
import type { Client } from './client.ts'
import { run } from './program.ts'

/** Runs a client's example of the docs. */
export async function runExample({ example, folder }: Client): Promise<Cell> {
  const started = performance.now()
  try {
    await run(example!, { cwd: folder, timeoutMs: 60_000 })
    return { outcome: 'ok', ms: Math.round(performance.now() - started) }
  } catch (error) {
    return failed(error)
  }
}
