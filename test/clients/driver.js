/**
 * A driver does with its client what it is told, and prints what came of it:
 *
 *   driver ADDRESS ACTION [ARGUMENT]
 *
 * The last line is JSON: `{ "missing": "..." }` where the client has not got it, `{ "failed": "..." }` where it failed.
 */
import { performance } from 'node:perf_hooks'

/** What a client has not got. */
export class Missing extends Error {}

/** Runs the action of the command line. */
export async function drive(version, actions) {
  const [address, action, argument] = process.argv.slice(2)
  const started = performance.now()
  const tell = told => process.stdout.write(`${JSON.stringify(told)}\n`, () => process.exit(0))
  process.on('beforeExit', () => tell({ failed: 'came to rest before it was done' }))
  try {
    if (address === 'version') return tell({ version })
    if (!Object.hasOwn(actions, action)) throw new Missing(`has no ${action}`)
    const told = await actions[action](address, argument)
    tell({ ...told, ms: performance.now() - started })
  } catch (error) {
    if (error instanceof Missing) return tell({ missing: error.message })
    tell({ failed: error.message })
  }
}

/** A promise of the first value that the condition accepts, each time that `changed` is called. */
export function until(condition) {
  let resolve
  const promise = new Promise(done => {
    resolve = done
  })
  return { promise, changed: () => condition() && resolve() }
}

/** What is written and read back to try compression and connections. */
export const values = count => Array.from({ length: count }, (_, i) => `value ${i} `.repeat(10))

/** Where three members, and then two, have the same number of partitions each. */
export const isShared = assignments => new Set(assignments.map(each => each.length)).size === 1

export const { TLS_CA: tlsCa, SASL_USER: user, SASL_PASSWORD: password } = process.env
