import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { builtinModules } from 'node:module'
import path from 'node:path'
import { transform } from 'esbuild'
import { defineConfig, type Options } from 'tsup'
import { entries } from './scripts/entries.ts'

const src = path.resolve('src')
const entry = Object.fromEntries(entries.map(({ name, source }) => [name, source]))
const command = { 'cli/main': 'src/cli/main.ts' }

/**
 * Of what several entries share, esbuild makes a file for each set of entries, and reading a file takes Node 20 as long
 * as compiling 100 kB. So each of them reaches all that the main entry does, and there is one shared file. All but `kafka`
 * are of use only beside a Broker, which needs that file anyway; `kafka` alone reads more, and still takes less time.
 */
const shareOneFile: NonNullable<Options['esbuildPlugins']>[number] = {
  name: 'share-one-file',
  setup(build) {
    const main = path.join(src, 'index.ts')
    const others = new Set(Object.values({ ...entry, ...command }).map(source => path.resolve(source)))
    others.delete(main)
    build.onResolve({ filter: /^brokerlet:main$/ }, () => ({ path: main, sideEffects: true }))
    build.onLoad({ filter: /[\\/](index|main)\.ts$/ }, ({ path: file }) => {
      if (!others.has(file)) return null
      return { contents: `${readFileSync(file, 'utf8')}\nimport 'brokerlet:main'`, loader: 'ts' }
    })
  },
}

/**
 * esbuild turns a class that mentions itself into `var Broker = class _Broker`, or `class Broker2`, and that is what users
 * would read in their logs. Its own `keepNames` would cost every closure a call.
 */
function keepClassNames(code: string): string {
  const classes = Array.from(code.matchAll(/^var (\w+) = class (_\1|\1\d+)\b/gm))
  const inside = (name: string): RegExp => new RegExp(`(?<![\\w$#]|[^.]\\.)${name}(?![\\w$])`, 'g')
  return classes.reduce((text, [, name, inner]) => text.replaceAll(inside(inner!), name!), code)
}

/**
 * Both builds hold these: to find and read its dependencies took Node longer than the whole of the main entry, and Jest
 * cannot require those that are ESM only.
 */
const bundled = ['eventemitter3', 'fzstd', 'nanoid', 'p-queue', 'p-timeout', 're2js', 'snappyjs']

/** Their licences ask to be handed on with them. */
function writeLicences(): void {
  const texts = bundled.map(name => {
    const folder = path.join('node_modules', name)
    const file = ['license', 'LICENSE'].find(candidate => existsSync(path.join(folder, candidate)))
    if (!file) throw new Error(`${name} has no licence file`)
    const { version } = JSON.parse(readFileSync(path.join(folder, 'package.json'), 'utf8'))
    return `${name} ${version}\n\n${readFileSync(path.join(folder, file), 'utf8').trim()}\n`
  })
  const heading = 'brokerlet is published with these packages inside.\n'
  writeFileSync(path.join('dist', 'THIRD-PARTY-LICENCES.txt'), [heading, ...texts].join('\n----\n\n'))
}

/** What is not used of a module of Node's need not be loaded: nanoid's own random source takes `crypto`. */
const dropUnusedBuiltins: NonNullable<Options['esbuildPlugins']>[number] = {
  name: 'drop-unused-builtins',
  setup(build) {
    const builtins = new Set(builtinModules)
    build.onResolve({ filter: /^(node:)?[a-z_/]+$/ }, ({ path: specifier }) => {
      const name = specifier.replace(/^node:/, '')
      return builtins.has(name) ? { path: `node:${name}`, external: true, sideEffects: false } : null
    })
  },
}

const common = {
  target: 'node20.19',
  platform: 'node',
  outDir: 'dist',
  silent: true,
  // Else tsup resolves Node's modules before dropUnusedBuiltins is asked.
  removeNodeProtocol: false,
  noExternal: bundled,
  plugins: [{ name: 'keep-class-names', renderChunk: code => ({ code: keepClassNames(code) }) }],
} satisfies Options

/**
 * Makes each file that ESM users get into one for CommonJS, so that those share one copy of every class, too. (esbuild
 * splits only ESM, and tsup's own splitting of CommonJS renames classes.) The command is ESM alone.
 */
async function writeCommonJs(): Promise<void> {
  const files = readdirSync('dist', { recursive: true, encoding: 'utf8' })
  const modules = files.filter(file => file.endsWith('.js') && !file.startsWith('cli'))
  await Promise.all(
    modules.map(async file => {
      const esm = readFileSync(path.join('dist', file), 'utf8')
      const { code } = await transform(esm, {
        format: 'cjs',
        target: common.target,
        platform: common.platform,
      })
      const relative = /(require\("\.[^"]*)\.js"\)/g
      writeFileSync(
        path.join('dist', file.replace(/\.js$/, '.cjs')),
        keepClassNames(code).replace(relative, '$1.cjs")'),
      )
    }),
  )
}

export default defineConfig([
  {
    ...common,
    entry: { ...entry, ...command },
    format: 'esm',
    splitting: true,
    dts: false,
    esbuildPlugins: [dropUnusedBuiltins, shareOneFile],
    onSuccess: async () => {
      writeLicences()
      await writeCommonJs()
    },
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
