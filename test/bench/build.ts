import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { build, type Options } from 'tsup'
import shipped from '../../tsup.config.ts'

const root = path.resolve(import.meta.dirname, '../..')
const cache = path.join(root, 'node_modules', '.cache')

// Without the dependencies, as files in node_modules are.
const ownCode: Options = { noExternal: [], skipNodeModulesBundle: true }

/** Builds as the published ESM is built, so that users' code is what is measured. Resolves with the folder. */
async function buildAsShipped(folder: string, options: Options): Promise<string> {
  const esm = Array.isArray(shipped) ? shipped[0] : undefined
  if (esm === undefined)
    throw new Error('tsup.config.ts is no longer a list whose first entry is the ESM build')
  const outDir = path.join(cache, folder)
  await build({
    ...esm,
    config: false,
    outDir,
    clean: true,
    onSuccess: undefined,
    ...options,
  })
  return outDir
}

/**
 * Builds one of the benchmark's programs, with the library in it. (tsx compiles for the same Node, but keeps the names
 * of functions by a call for each. The difference was within noise, but this way the question does not arise.)
 */
export async function buildProgram(name: string): Promise<string> {
  const entry = { [path.basename(name)]: path.join(root, 'test', 'bench', `${name}.ts`) }
  const folder = await buildAsShipped(`brokerlet-bench-${path.basename(name)}`, { ...ownCode, entry })
  return path.join(folder, `${path.basename(name)}.js`)
}

/**
 * Builds the package, and the exports of its main entry as one file without its dependencies: whole.js, and
 * minified.js. Resolves with the folder.
 */
export async function buildPackage(): Promise<string> {
  const folder = 'brokerlet-bench-package'
  const entry = path.join(root, 'src', 'index.ts')
  const outDir = await buildAsShipped(folder, {})
  await buildAsShipped(folder, { ...ownCode, clean: false, entry: { whole: entry } })
  await buildAsShipped(folder, { ...ownCode, clean: false, entry: { minified: entry }, minify: true })
  // Otherwise Node would first try files below node_modules as CommonJS.
  writeFileSync(path.join(outDir, 'package.json'), '{"type":"module"}')
  return outDir
}
