import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { performance } from 'node:perf_hooks'
import PQueue from 'p-queue'
import { CommandLine } from '../helpers/command-line.ts'
import { type Cell, drive, measure } from './cell.ts'
import { type Client, clients, install } from './client.ts'
import { runExample } from './example.ts'
import { exampleTitle, type Matrix, toMarkdown } from './matrix-table.ts'
import { scenarios, type Told } from './scenarios.ts'

const root = path.resolve(import.meta.dirname, '../..')
const notedIn = path.join(import.meta.dirname, 'matrix.json')
const noted: Matrix = JSON.parse(readFileSync(notedIn, 'utf8'))

const usage = `Runs every client against the built package, in everything that the matrix asks. It fails where a cell fails that
matrix.json says is ok. A client that cannot be installed is skipped.

  npm run build && npm run test:clients -- [options]

  --client NAME     only clients whose name contains it; may be given again
  --scenario NAME   only rows whose title contains it; may be given again
  --installed       takes the clients as they are installed already
  --write           notes what was measured in matrix.json and docs/clients.md`

const { values: options } = new CommandLine(usage, {
  client: { type: 'string', multiple: true, default: [''] },
  scenario: { type: 'string', multiple: true, default: [''] },
  write: { type: 'boolean', default: false },
  installed: { type: 'boolean', default: false },
})
const asked = (name: string, wanted: readonly string[]) =>
  wanted.some(each => name.toLowerCase().includes(each.toLowerCase()))

const measured: Matrix = structuredClone(noted)
const broken: string[] = []
const count = { passed: 0, failed: 0, skipped: 0 }

function note(client: Client, title: string, cell: Cell): void {
  const was = noted[client.name]?.cells[title]?.outcome
  measured[client.name]!.cells[title] = noteworthy(cell)
  const took = cell.ms === undefined ? '' : ` ${cell.ms} ms`
  const reason = cell.reason === undefined ? '' : `: ${cell.reason.split('\n').slice(0, 8).join('\n    ')}`
  console.log(`${client.name} | ${title} | ${cell.outcome}${took}${reason}`)
  if (cell.outcome === 'ok') count.passed++
  else if (was === 'ok') {
    count.failed++
    broken.push(`${client.name}: ${title}`)
  } else count.skipped++
}

/** Without what differs from run to run, and from machine to machine. */
function noteworthy({ outcome, ms, reason }: Cell): Cell {
  if (ms !== undefined) return { outcome, ms }
  return { outcome, reason: (reason ?? '').split('\n')[0]!.slice(0, 160) }
}

async function run(client: Client, queue: PQueue): Promise<void> {
  const skip = (reason: string) => console.log(`skipped: ${client.name} (${reason})`)
  const reason = absent.get(client.installation)
  if (reason !== undefined) return skip(reason)
  const { version, failed }: Told = await drive(client, ['version']).catch(error => ({
    failed: error.message,
  }))
  if (failed !== undefined) return skip(`it does not start: ${failed}`)
  measured[client.name] = { version, cells: { ...measured[client.name]?.cells } }
  const cells = scenarios
    .filter(({ title }) => asked(title, options.scenario))
    .map(scenario => async () => note(client, scenario.title, await measure(client, scenario)))
  if (client.example !== undefined && asked(exampleTitle, options.scenario)) {
    cells.push(async () => note(client, exampleTitle, await runExample(client)))
  }
  await queue.addAll(cells)
}

const started = performance.now()
const exact = clients.filter(({ name }) => options.client.includes(name))
const chosen = exact.length > 0 ? exact : clients.filter(({ name }) => asked(name, options.client))
const absent = new Map(
  await Promise.all(
    Array.from(new Set(chosen.map(({ installation }) => installation)), async installation => {
      const reason = options.installed ? undefined : await install(installation)
      return [installation, reason] as const
    }),
  ),
)
const installedIn = Math.round((performance.now() - started) / 1000)

const queue = new PQueue({ concurrency: os.availableParallelism() })
await Promise.all(chosen.map(client => run(client, queue)))
const seconds = Math.round((performance.now() - started) / 1000)

mkdirSync(path.join(root, 'reports'), { recursive: true })
writeFileSync(
  path.join(root, 'reports', 'clients.tests.json'),
  JSON.stringify({
    numPassedTests: count.passed,
    numFailedTests: count.failed,
    numPendingTests: count.skipped,
    numTodoTests: 0,
    testResults: [],
  }),
)
if (options.write) {
  writeFileSync(notedIn, `${JSON.stringify(measured, null, 2)}\n`)
  writeFileSync(path.join(root, 'docs', 'clients.md'), toMarkdown(measured))
}
console.log(`${count.passed} ok, ${count.failed} broken, ${count.skipped} not ok before either`)
console.log(`${seconds} s, of which ${installedIn} s installed the clients`)
for (const cell of broken) console.error(`BROKEN: ${cell}`)
process.exitCode = broken.length > 0 ? 1 : 0
