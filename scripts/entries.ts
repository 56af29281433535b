import { readFileSync } from 'node:fs'

/** A sub-path of the package, as `exports` in package.json lists it: the list that every tool reads. */
export interface Entry {
  /** `brokerlet`, `brokerlet/testing`, ... */
  readonly specifier: string
  /** The path below src and dist, without extension: `index`, `testing/index`, ... */
  readonly name: string
  readonly source: string
}

interface Manifest {
  readonly name: string
  readonly exports: Record<string, string | { readonly import: { readonly default: string } }>
}

const manifest: Manifest = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'))

export const entries: readonly Entry[] = Object.entries(manifest.exports).flatMap(([path, target]) => {
  if (typeof target === 'string') return []
  const name = target.import.default.replace(/^\.\/dist\//, '').replace(/\.js$/, '')
  return [{ specifier: manifest.name + path.slice(1), name, source: `src/${name}.ts` }]
})
