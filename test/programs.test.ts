import { spawnSync } from 'node:child_process'
import path from 'node:path'
import { expect, it } from 'vitest'
import manifest from '../package.json' with { type: 'json' }

/** Runs a program of the repository as its script does, without what that builds before. */
function run(script: keyof typeof manifest.scripts, ...args: string[]) {
  const [, file] = /(\S+\.ts)$/.exec(manifest.scripts[script])!
  return spawnSync(process.execPath, ['--import', 'tsx', file!, ...args], {
    cwd: path.resolve(import.meta.dirname, '..'),
    encoding: 'utf8',
  })
}

it.each([
  'simulate',
  'fuzz',
  'mutations',
  'bench',
  'bench:guard',
  'bench:wire',
  'test:clients',
  'check',
] as const)('npm run %s says how it is used', script => {
  const { stdout, stderr, status } = run(script, '--help', '--nonsense')
  expect(stderr).toBe('')
  expect(stdout).toContain(`npm run ${script} `)
  expect(status).toBe(0)
})

it.each([
  ['simulate', ['--nonsense'], "Unknown option '--nonsense'"],
  ['simulate', ['--seed', 'x'], "--seed expected a whole number of at least 0, received 'x'"],
  ['mutations', ['a bug that nobody made'], "There is no deliberate bug 'a bug that nobody made'"],
] as const)('npm run %s refuses %j in one line', (script, args, why) => {
  const { stdout, stderr, status } = run(script, ...args)
  expect(stdout).toBe('')
  expect(stderr).toBe(`${why}; --help lists the options\n`)
  expect(status).toBe(2)
})
