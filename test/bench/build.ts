import path from 'node:path'
import { build } from 'tsup'
import shipped from '../../tsup.config.ts'

const root = path.resolve(import.meta.dirname, '../..')

/**
 * Builds the rows, and the library with them, as the published ESM is built: what is measured is what users get. (tsx
 * compiles for the same Node, but keeps the names of functions by a call for each. It made no difference that could be
 * told from noise; this way nobody has to wonder.)
 */
export async function buildRows(): Promise<string> {
  const outDir = path.join(root, 'node_modules', '.cache', 'brokerlet-bench')
  const options = Array.isArray(shipped) ? shipped[0] : undefined
  if (options === undefined)
    throw new Error('tsup.config.ts is no longer a list whose first entry is the ESM build')
  const entry = { child: path.join(root, 'test', 'bench', 'child.ts') }
  await build({ ...options, config: false, entry, outDir, clean: true, skipNodeModulesBundle: true })
  return path.join(outDir, 'child.js')
}
