import { execFileSync } from 'node:child_process'
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { entries } from '../../scripts/entries.ts'
import { Page } from '../docs/page.ts'

const root = path.resolve(import.meta.dirname, '../..')
const manifest: { devDependencies: Record<string, string> } = JSON.parse(
  readFileSync(path.join(root, 'package.json'), 'utf8'),
)

// The oldest that the README promises.
const oldestTypeScript = '5.4.5'

/** A project of its own that has installed the packed tarball, as a user's would. */
let project: string

function run(command: string, ...args: string[]): string {
  try {
    return execFileSync(command, args, {
      cwd: project,
      encoding: 'utf8',
      stdio: 'pipe',
      shell: process.platform === 'win32' && command === 'npm',
    })
  } catch (error) {
    const { stdout, stderr } = error as { stdout: string; stderr: string }
    throw new Error(`${command} ${args.join(' ')}\n${stdout}${stderr}`, { cause: error })
  }
}

const node = (...args: string[]): string => run(process.execPath, ...args)

beforeAll(() => {
  project = mkdtempSync(path.join(os.tmpdir(), 'brokerlet-package-'))
  cpSync(path.join(import.meta.dirname, 'consumer'), project, { recursive: true })
  run('npm', 'pack', root, '--ignore-scripts', '--silent')
  const tarball = readdirSync(project).find(name => name.endsWith('.tgz'))!
  // The same program, once as each kind of module.
  for (const kind of ['mts', 'cts'])
    cpSync(path.join(project, 'typed.ts'), path.join(project, `typed.${kind}`))
  rmSync(path.join(project, 'typed.ts'))
  writeFileSync(
    path.join(project, 'package.json'),
    JSON.stringify({
      name: 'consumer',
      private: true,
      dependencies: { brokerlet: `file:./${tarball}` },
      devDependencies: {
        ...Object.fromEntries(
          ['@opentelemetry/api', '@types/node', 'arktype', 'valibot', 'zod'].map(name => [
            name,
            manifest.devDependencies[name],
          ]),
        ),
        typescript: oldestTypeScript,
      },
    }),
  )
  run('npm', 'install', '--prefer-offline', '--no-audit', '--no-fund', '--engine-strict', '--silent')
})

afterAll(() => {
  if (project) rmSync(project, { recursive: true, force: true })
})

describe('the packed tarball', () => {
  test('holds the build, the pages, the examples, the licence, the changelog and the manifest, and nothing else', () => {
    const installed = path.join(project, 'node_modules', 'brokerlet')
    const top = readdirSync(installed).filter(name => name !== 'README.md')
    expect(top.sort()).toEqual(['CHANGELOG.md', 'LICENSE', 'dist', 'docs', 'examples', 'package.json'])
  })

  test('holds what its pages link to, but tests of the repository', () => {
    const installed = path.join(project, 'node_modules', 'brokerlet')
    const pages = readdirSync(installed, { recursive: true, encoding: 'utf8' })
      .filter(name => name.endsWith('.md'))
      .map(name => name.replaceAll(path.sep, '/'))
    expect(pages).toContain('README.md')
    const missing = pages.flatMap(page =>
      new Page(page, installed).links
        .filter(({ file }) => !existsSync(path.join(installed, file)))
        .map(({ file }) => `${page}: ${file}`),
    )
    expect(missing.filter(link => !/^docs\/[\w-]+\.md: test\//.test(link))).toEqual([])
  })

  test('needs no other package at run time: the only one that it asks for is types', () => {
    const { dependencies } = JSON.parse(
      readFileSync(path.join(project, 'node_modules', 'brokerlet', 'package.json'), 'utf8'),
    )
    expect(Object.keys(dependencies)).toEqual(['@standard-schema/spec'])
  })

  // Reading a file takes Node as long as compiling much of it.
  test.each(['js', 'cjs'])('is read from two files by the main entry (%s)', format => {
    const dist = path.join(project, 'node_modules', 'brokerlet', 'dist')
    const read = new Set<string>()
    const visit = (file: string) => {
      if (read.has(file)) return
      read.add(file)
      const code = readFileSync(file, 'utf8')
      for (const [, relative] of code.matchAll(/(?:from |require\(|import )"(\.[^"]+)"/g))
        visit(path.resolve(path.dirname(file), relative!))
    }
    visit(path.join(dist, `index.${format}`))
    expect(read.size).toBe(2)
  })

  test('has a bundle of webpack look for the optional peers at run time', () => {
    const dist = path.join(project, 'node_modules', 'brokerlet', 'dist')
    const code = readdirSync(dist, { recursive: true, encoding: 'utf8' })
      .filter(name => /\.c?js$/.test(name))
      .map(name => readFileSync(path.join(dist, name), 'utf8'))
    const imported = code.flatMap(text =>
      Array.from(text.matchAll(/\bimport\(([^)]*)\)/g), match => match[1]!),
    )
    const computed = imported.filter(specifier => !/^["'][^"']*["']$/.test(specifier))
    expect(computed).not.toEqual([])
    expect(computed.filter(specifier => !specifier.includes('webpackIgnore: true'))).toEqual([])
  })

  test('is used with import', () => {
    expect(node('esm.mjs')).toBe('ok\n')
  })

  test('is used with require', () => {
    expect(node('cjs.cjs')).toBe('ok\n')
  })

  test.each(entries.map(entry => entry.specifier))(
    '%s exports the same names from both formats',
    specifier => {
      const names = JSON.parse(node('names.mjs', specifier))
      expect(names.import).toEqual(names.require)
      expect(names.import).not.toEqual([])
    },
  )

  test.each(entries.map(entry => entry.specifier))('%s keeps the names of its classes', specifier => {
    expect(JSON.parse(node('names.mjs', specifier)).renamed).toEqual([])
  })

  test('compiles for CommonJS with the oldest TypeScript, which then knows no exports, and runs', () => {
    node('node_modules/typescript/bin/tsc', '-p', 'tsconfig.commonjs.json', '--outDir', 'commonjs')
    expect(node('commonjs/commonjs.js')).toBe('ok\n')
  })

  describe.each([
    { version: 'the oldest TypeScript', folder: () => project, compiler: 'typescript' },
    { version: 'the last TypeScript in JavaScript', folder: () => root, compiler: 'typescript' },
    { version: 'the native TypeScript', folder: () => root, compiler: 'typescript-native' },
  ])('with $version', ({ version, folder, compiler }) => {
    const out = `out of ${version}`
    const compile = (config: string) => {
      node(path.join(folder(), 'node_modules', compiler, 'bin', 'tsc'), '-p', config, '--outDir', out)
    }

    test('compiles as ESM and as CommonJS, library checks and declarations included, and runs', () => {
      compile('tsconfig.json')
      expect(node(`${out}/typed.mjs`)).toBe('ok\n')
      expect(node(`${out}/typed.cjs`)).toBe('ok\n')
    })

    test("knows Node's types also where tsconfig.json names no packages of types", () => {
      compile('tsconfig.init.json')
    })

    test('compiles where a module of ESM passes a broker to one of CommonJS, and runs', () => {
      compile('tsconfig.copies.json')
      expect(node(`${out}/application.mjs`)).toBe('ok\n')
    })

    test('compiles with schemas of Zod, Valibot and ArkType, and runs', () => {
      compile('tsconfig.schemas.json')
      expect(node(`${out}/schemas.mjs`)).toBe('ok\n')
    })
  })
})
