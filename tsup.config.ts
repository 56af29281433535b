import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { defineConfig, type Options } from 'tsup'
import { entries } from './scripts/entries.ts'

const src = path.resolve('src')
const entry = Object.fromEntries(entries.map(({ name, source }) => [name, source]))

/**
 * CommonJS is built module by module: each relative import stays a `require` of the sibling file, so that sub-paths
 * share one copy of every class. (esbuild splits only ESM, and tsup's own splitting of CJS renames classes.)
 */
const keepModules: NonNullable<Options['esbuildPlugins']>[number] = {
  name: 'keep-modules',
  setup(build) {
    build.onResolve({ filter: /^\.\.?\// }, ({ importer, path: specifier, resolveDir }) => {
      if (!importer.startsWith(src + path.sep)) return null
      if (!existsSync(path.resolve(resolveDir, specifier))) return null
      return { path: specifier.replace(/\.ts$/, '.cjs'), external: true }
    })
  },
}

/**
 * esbuild turns a class that mentions itself into `var Broker = class _Broker`, and `_Broker` is what users would read in
 * their logs. Its own `keepNames` would cost every closure a call.
 */
const keepClassNames: NonNullable<Options['plugins']>[number] = {
  name: 'keep-class-names',
  renderChunk(code) {
    const classes = Array.from(code.matchAll(/^var (\w+) = class _\1\b/gm), match => match[1]!)
    const inside = (name: string): RegExp => new RegExp(`(?<![\\w$#]|[^.]\\.)_${name}(?![\\w$])`, 'g')
    return { code: classes.reduce((text, name) => text.replaceAll(inside(name), name), code) }
  },
}

// ESM only, which Jest cannot require: the CommonJS build holds them.
const bundled = ['nanoid', 'p-queue', 'p-timeout']

/** Their licences ask to be handed on with them. */
async function writeLicences(): Promise<void> {
  const texts = bundled.map(name => {
    const folder = path.join('node_modules', name)
    const file = ['license', 'LICENSE'].find(candidate => existsSync(path.join(folder, candidate)))
    if (!file) throw new Error(`${name} has no licence file`)
    return `${name}\n\n${readFileSync(path.join(folder, file), 'utf8').trim()}\n`
  })
  const heading = 'The CommonJS build contains these packages.\n'
  writeFileSync(path.join('dist', 'THIRD-PARTY-LICENCES.txt'), [heading, ...texts].join('\n----\n\n'))
}

const common = {
  target: 'node20.19',
  platform: 'node',
  outDir: 'dist',
  silent: true,
  plugins: [keepClassNames],
} satisfies Options

export default defineConfig([
  {
    ...common,
    entry: { ...entry, 'cli/main': 'src/cli/main.ts' },
    format: 'esm',
    splitting: true,
    dts: false,
  },
  {
    ...common,
    // The command is ESM alone.
    entry: ['src/**/*.ts', '!src/cli/**'],
    format: 'cjs',
    splitting: false,
    dts: false,
    noExternal: bundled,
    esbuildPlugins: [keepModules],
    onSuccess: writeLicences,
  },
  {
    ...common,
    entry,
    format: ['esm', 'cjs'],
    // tsup sets `baseUrl`, which TypeScript 6 calls deprecated. What is marked @internal is not declared; constructors
    // are marked @hidden instead, since a class whose constructor is not declared could be made without arguments.
    dts: { only: true, compilerOptions: { ignoreDeprecations: '6.0', stripInternal: true } },
  },
])
