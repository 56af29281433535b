/**
 * Writes the API reference to docs/api. With `--check` it writes nothing, and fails if the committed pages do not match
 * the source, or if a public declaration is undocumented.
 */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { entries } from './entries.ts'

const root = path.resolve(import.meta.dirname, '..')
const committed = path.join(root, 'docs', 'api')

function generate(out: string, ...options: string[]): void {
  const typedoc = path.join(root, 'node_modules', 'typedoc', 'bin', 'typedoc')
  const entryPoints = entries.flatMap(entry => ['--entryPoints', entry.source])
  const { status } = spawnSync(process.execPath, [typedoc, ...entryPoints, '--out', out, ...options], {
    cwd: root,
    stdio: 'inherit',
  })
  if (status !== 0) process.exit(1)
}

function pages(folder: string): Map<string, string> {
  if (!existsSync(folder)) return new Map()
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter(name =>
    name.endsWith('.md'),
  )
  return new Map(
    names.map(name => [name, readFileSync(path.join(folder, name), 'utf8').replaceAll('\r\n', '\n')]),
  )
}

function check(): void {
  const fresh = mkdtempSync(path.join(os.tmpdir(), 'brokerlet-docs-'))
  try {
    generate(fresh, '--treatValidationWarningsAsErrors')
    const was = pages(committed)
    const is = pages(fresh)
    const stale = [...new Set([...was.keys(), ...is.keys()])].filter(name => was.get(name) !== is.get(name))
    if (stale.length === 0) return
    console.error(
      `Not what the source says; run \`npm run docs\`:\n${stale.map(name => `  docs/api/${name}`).join('\n')}`,
    )
    process.exitCode = 1
  } finally {
    rmSync(fresh, { recursive: true, force: true })
  }
}

if (process.argv.includes('--check')) check()
else generate(committed)
