import { spawnSync } from 'node:child_process'
import { rmSync } from 'node:fs'
import path from 'node:path'
import { performance } from 'node:perf_hooks'
import { CommandLine } from '../test/helpers/command-line.ts'

const usage = `Runs the steps of CI, one after the other; the first failure ends it.

  npm run check         everything
  npm run check:rest    everything but the tests, for when npm test has just run`

const command = new CommandLine(usage, {}, { allowPositionals: true })
const [part, ...others] = command.positionals
const onlyRest = part === 'rest'
if (others.length > 0 || (part !== undefined && !onlyRest))
  command.refuse(`There is no '${command.positionals.join(' ')}'`)

const root = path.resolve(import.meta.dirname, '..')

interface Step {
  readonly name: string
  /** The npm command (`run types`), so that each step can also be run by itself. */
  readonly npm: readonly string[]
  /** Programs that the library itself does not need: where one is missing, the step is skipped, with a note. */
  readonly needs?: readonly string[]
}

const tests: Step = { name: 'tests, type tests and coverage', npm: ['test', '--', '--coverage'] }

const rest: readonly Step[] = [
  { name: 'types', npm: ['run', 'types'] },
  { name: 'lint and format', npm: ['run', 'lint'] },
  { name: 'dependency direction', npm: ['run', 'lint:imports'] },
  { name: 'unused code', npm: ['run', 'lint:unused'] },
  { name: 'API reference is up to date', npm: ['run', 'docs:check'] },
  { name: 'build', npm: ['run', 'build'] },
  { name: 'package contents', npm: ['run', 'lint:package'] },
  { name: 'package in use: ESM, CommonJS and TypeScript', npm: ['run', 'test:package'] },
  { name: 'brokerlet/testing under jest', npm: ['run', 'test:jest'] },
  { name: 'the same on Bun and Deno', npm: ['run', 'test:runtimes'] },
  { name: 'no record costs more than it did', npm: ['run', 'bench:guard'] },
  { name: 'other Kafka clients', npm: ['run', 'test:clients'] },
  { name: "Apache Kafka's own tools", npm: ['run', 'test:java'], needs: ['java', 'mvn'] },
  { name: "Apache Kafka's own tests", npm: ['run', 'test:apache'], needs: ['java', 'mvn'] },
  { name: 'a real Apache Kafka', npm: ['run', 'test:kafka'], needs: ['java', 'mvn'] },
  // After Apache Kafka was fetched: without it, the suite runs on the other engines only.
  { name: 'one suite on every engine', npm: ['run', 'test:conformance'] },
  { name: 'the tests on Node 26', npm: ['run', 'test:node26'] },
]

const isInstalled = (program: string) =>
  spawnSync(program, ['-version'], { shell: process.platform === 'win32' }).status === 0

function run({ name, npm, needs = [] }: Step): boolean {
  const started = performance.now()
  console.log(`\n=== ${name} ===`)
  const missing = needs.filter(program => !isInstalled(program))
  if (missing.length > 0) {
    console.log(`skipped: ${name} (needs ${missing.join(' and ')})`)
    return true
  }
  const { status } = spawnSync('npm', ['--silent', ...npm], {
    cwd: root,
    stdio: 'inherit',
    shell: process.platform === 'win32',
  })
  const seconds = ((performance.now() - started) / 1000).toFixed(1)
  console.log(status === 0 ? `ok: ${name} (${seconds} s)` : `FAILED: ${name}`)
  return status === 0
}

if (!onlyRest) rmSync(path.join(root, 'reports'), { recursive: true, force: true })

const passed = (onlyRest ? rest : [...rest.slice(0, 4), tests, ...rest.slice(4)]).every(run)
if (!onlyRest) spawnSync(process.execPath, [path.join(root, 'scripts', 'counts.mjs')], { stdio: 'inherit' })
process.exitCode = passed ? 0 : 1
