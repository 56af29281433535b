import { writeFileSync } from 'node:fs'
import { CommandLine } from '../helpers/command-line.ts'
import { buildProgram } from './build.ts'
import { writeDocument } from './document.ts'
import { type Line, toLines } from './line.ts'
import { type Figure, merge } from './measure.ts'
import { needs } from './needs.ts'
import { answerOf } from './processes.ts'
import type { Row } from './row.ts'
import { rows } from './rows.ts'
import { type SectionName, sections } from './sections.ts'
import { toTable } from './table.ts'

const usage = `Measures brokerlet beside what one would use instead, in one run and as ratios.

  npm run bench -- [options]

  --only NAME    only this row or section; may be given again
  --quick        roughly, each row in one process
  --processes N  in how many processes each row is measured; default 3
  --json FILE    writes the figures to a file
  --write        writes them to docs/performance.md, and draws the chart`

const command = new CommandLine(usage, {
  only: { type: 'string', multiple: true },
  quick: { type: 'boolean', default: false },
  processes: { type: 'string' },
  json: { type: 'string' },
  write: { type: 'boolean', default: false },
})
const options = command.values

// Servers that were started are ended on 'exit', which a signal alone does not cause.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1))

const processes = command.count('processes', 1, options.quick ? 1 : 3)
if (options.write && options.quick) command.refuse('--write is for figures that are not --quick')

/** The rows that were asked for, by their own name or that of their section. */
function choose(names: readonly string[] | undefined): readonly Row[] {
  if (names === undefined) return rows
  const unknown = names.filter(name => !(name in sections) && !rows.some(row => row.name === name))
  if (unknown.length > 0) {
    const known = [...Object.keys(sections), ...rows.map(row => row.name)]
    command.refuse(`There is no ${unknown.join(', ')}, but ${known.join(', ')}`)
  }
  return rows.filter(row => names.includes(row.name) || names.includes(row.section))
}

const chosen = choose(options.only)
const script = await buildProgram('child')

/** Measures a row in several processes, each with a server or folder of its own where the row needs one. */
async function measure(row: Row): Promise<Figure[]> {
  const answers: Figure[][] = []
  for (let i = 0; i < processes; i++) {
    const ready = row.needs && (await needs[row.needs].start())
    const args = [row.name, options.quick ? 'quick' : 'full', ...(ready ? [ready.where] : [])]
    try {
      answers.push(await answerOf<Figure[]>(script, args))
    } finally {
      await ready?.close()
    }
  }
  return answers[0]!.map((_, i) => merge(answers.map(figures => figures[i]!)))
}

const lines: Line[] = []
const skipped: Record<string, string> = {}
for (const row of chosen) {
  const reason = row.needs && (await needs[row.needs].install())
  if (reason !== undefined) {
    skipped[row.name] = reason
    process.stderr.write(`skipped: ${row.name}: ${reason}\n`)
    continue
  }
  try {
    process.stderr.write(`${row.name}: ${row.what}\n`)
    lines.push(...toLines(row, await measure(row)))
  } catch (error) {
    console.error(`${row.name}:`, error)
    process.exitCode = 1
  }
}

for (const [name, { title, text }] of Object.entries(sections)) {
  const names = new Set(chosen.filter(row => row.section === (name as SectionName)).map(row => row.name))
  const some = lines.filter(({ row }) => names.has(row))
  if (some.length > 0) console.log(`\n## ${title}\n\n${text}\n\n${toTable(some)}`)
}
if (options.json !== undefined) {
  const result = {
    date: new Date().toISOString(),
    node: process.version,
    quick: options.quick,
    processes,
    skipped,
    lines,
  }
  writeFileSync(options.json, `${JSON.stringify(result, null, 2)}\n`)
}
if (options.write) await writeDocument(lines)
