import { createRequire } from 'node:module'
import { build } from 'esbuild'
import { expect, it } from 'vitest'
import * as errors from '../src/errors.ts'
import * as kafka from '../src/kafka/index.ts'

/** What a program has of a file of `src` once its bundler has shortened all names. */
async function minified(entry: string): Promise<object> {
  const options = { bundle: true, minify: true, write: false, format: 'cjs', platform: 'node' } as const
  const { outputFiles } = await build({ ...options, entryPoints: [entry] })
  const module = { exports: {} }
  new Function('require', 'module', outputFiles[0]!.text)(createRequire(import.meta.url), module)
  return module.exports
}

const isErrorClass = (value: unknown) => typeof value === 'function' && value.prototype instanceof Error

it.each([
  ['src/errors.ts', errors],
  ['src/kafka/cluster-error.ts', { ClusterError: kafka.ClusterError }],
])('the errors of %s keep their names where a bundler shortens names', async (entry, expected) => {
  const names = Object.entries(expected).flatMap(([name, value]) => (isErrorClass(value) ? [name] : []))
  const classes = (await minified(entry)) as Record<string, new (...args: unknown[]) => Error>
  expect(names.map(name => classes[name]!.name)).toEqual(names)
})

it('an error made in a minified bundle has its own name', async () => {
  const { ClosedError } = (await minified('src/errors.ts')) as typeof errors
  expect(String(new ClosedError('The broker is closed'))).toBe('ClosedError: The broker is closed')
})

it('an error has the fields that apply, and its cause where nobody lists it, even one that is undefined', () => {
  const fields = { groupId: 'g', topic: undefined, cause: undefined }
  const error = new errors.ClosedError('The broker is closed', fields)
  expect(Object.keys(error)).toEqual(['code', 'errno', 'retriable', 'name', 'groupId'])
  expect(Object.hasOwn(error, 'cause')).toBe(true)
  expect(Object.hasOwn(new errors.ClosedError('The broker is closed'), 'cause')).toBe(false)
})
