import { writeFileSync } from 'node:fs'
import { CommandLine } from '../../helpers/command-line.ts'
import { removeLines } from './records.ts'
import { type Contender, inRounds } from './rounds.ts'
import { full, quick } from './row.ts'
import { rows } from './rows.ts'
import type { ServerKind } from './server.ts'
import { ours, peers } from './servers.ts'
import { toLines, toTable } from './table.ts'

const usage = `Measures brokerlet's server beside librdkafka's mock cluster, kfake and Apache Kafka, in one run and as ratios.

  npm run bench:wire -- [options]

  --only ROW     only this row; may be given again
  --peer SERVER  brokerlet and only this one; may be given again
  --quick        roughly
  --json FILE    writes the figures to a file`

const command = new CommandLine(usage, {
  only: { type: 'string', multiple: true },
  peer: { type: 'string', multiple: true },
  quick: { type: 'boolean', default: false },
  json: { type: 'string' },
})
const options = command.values

process.once('exit', removeLines)
// Servers that were started are ended on 'exit', which a signal alone does not cause.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1))

/** The rows or servers that were asked for; ends the program where a name is unknown. */
function choose<T extends { readonly name: string }>(
  all: readonly T[],
  names: readonly string[] | undefined,
): T[] {
  const unknown = names?.filter(name => !all.some(each => each.name === name)) ?? []
  if (unknown.length > 0)
    command.refuse(`There is no ${unknown.join(', ')}, but ${all.map(({ name }) => name).join(', ')}`)
  return all.filter(({ name }) => names === undefined || names.includes(name))
}

const skipped: Record<string, string> = {}
const skip = (name: string, reason: string) => {
  skipped[name] = reason
  process.stderr.write(`skipped: ${name}: ${reason}\n`)
}

async function startAll(kinds: readonly ServerKind[]): Promise<Contender[]> {
  const started: Contender[] = []
  for (const kind of kinds) {
    const reason = await kind.install()
    if (reason === undefined) started.push({ kind, server: await kind.start() })
    else if (kind === ours) throw new Error(reason)
    else skip(kind.name, reason)
  }
  return started
}

const scale = options.quick ? quick : full
const chosen = choose(rows, options.only)
const contenders = await startAll([ours, ...choose(peers, options.peer)])
const lines = []
for (const row of chosen) {
  const reason = await row.install?.()
  if (reason !== undefined) {
    skip(row.name, reason)
    continue
  }
  process.stderr.write(`${row.name}: ${row.what}\n`)
  for (const { kind } of contenders) {
    const without = row.without?.[kind.name]
    if (without !== undefined) skip(`${row.name} on ${kind.name}`, without)
  }
  const series = await inRounds(row, contenders, scale)
  for (const { server, failure } of series) {
    if (failure === undefined) continue
    console.error(`${row.name}: ${server} failed:`, failure)
    process.exitCode = 1
  }
  lines.push(...toLines(row, series))
}
for (const { server } of contenders) await server.close()

const versions = Object.fromEntries(contenders.map(({ kind, server }) => [kind.name, server.version]))
console.log(toTable(lines))
console.log(
  `\n${Object.entries({ node: process.version, ...versions })
    .map(each => each.join(' '))
    .join(', ')}`,
)
if (options.json !== undefined) {
  const result = {
    date: new Date().toISOString(),
    node: process.version,
    versions,
    quick: options.quick,
    skipped,
    lines,
  }
  writeFileSync(options.json, `${JSON.stringify(result, null, 2)}\n`)
}
