import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { cpus } from 'node:os'
import path from 'node:path'
import { toChart } from './chart.ts'
import { writeFigures } from './figures-file.ts'
import { installPackages } from './install.ts'
import type { Line } from './line.ts'
import { rows } from './rows.ts'
import { sections } from './sections.ts'
import { toTable, toTargets } from './table.ts'

const docs = path.resolve(import.meta.dirname, '../../docs')
const figuresFile = path.join(import.meta.dirname, 'figures.json')

const begin = '<!-- npm run bench -- --write: begin -->'
const end = '<!-- npm run bench -- --write: end -->'

/** When and where rows were measured. */
interface Run {
  readonly date: string
  readonly node: string
  readonly machine: string
  readonly rows: readonly string[]
}

interface Figures {
  /** The last run of each row, the run of most rows first. */
  readonly runs: readonly Run[]
  readonly lines: readonly Line[]
}

/** Replaces the figures of the rows that were measured, so that a few rows can be measured again. */
export async function writeDocument(measured: readonly Line[]): Promise<void> {
  const reason = await installPackages()
  if (reason !== undefined) throw new Error(`the chart is not drawn: ${reason}`)
  const before: Figures = existsSync(figuresFile) ? readFigures() : { runs: [], lines: [] }
  const lines = rows.flatMap(({ name }) => {
    const ofRow = (some: readonly Line[]) => some.filter(({ row }) => row === name)
    const fresh = ofRow(measured)
    return fresh.length > 0 ? fresh : ofRow(before.lines)
  })
  const processors = cpus()
  const run: Run = {
    date: new Date().toISOString().slice(0, 10),
    node: process.version,
    machine: `${processors.length} processors, ${processors[0]?.model ?? 'unknown'}`,
    rows: [...new Set(measured.map(({ row }) => row))],
  }
  writeFigures(figuresFile, { runs: lastRuns(before.runs, run), lines } satisfies Figures)
  // As the file has them, rounded: so rows that are not measured again stay as they are.
  const figures = readFigures()
  writeFileSync(path.join(docs, 'performance.svg'), await toChart(figures.lines))
  const page = path.join(docs, 'performance.md')
  writeFileSync(page, withFigures(readFileSync(page, 'utf8'), figures))
}

function readFigures(): Figures {
  return JSON.parse(readFileSync(figuresFile, 'utf8'))
}

function lastRuns(before: readonly Run[], run: Run): Run[] {
  const older = before.map(each => ({ ...each, rows: each.rows.filter(row => !run.rows.includes(row)) }))
  return [...older, run].filter(each => each.rows.length > 0).sort((a, b) => b.rows.length - a.rows.length)
}

/** Returns the page with other figures between its marks. */
export function withFigures(page: string, figures: Figures): string {
  const [head, rest] = page.split(begin)
  const tail = rest?.split(end)[1]
  if (head === undefined || tail === undefined)
    throw new Error(`docs/performance.md lacks its marks: ${begin}`)
  return `${head}${begin}\n\n${toMarkdownSections(figures)}\n${end}${tail}`
}

function toMarkdownSections({ runs, lines }: Figures): string {
  const parts = Object.entries(sections).map(([name, { title, text }]) => {
    const of = rows.filter(row => row.section === name && lines.some(line => line.row === row.name))
    if (of.length === 0) return ''
    const names = new Set(of.map(row => row.name))
    const legend = of.map(row => `- \`${row.name}\`: ${row.what}`).join('\n')
    const table = toTable(lines.filter(({ row }) => names.has(row)))
    return `### ${title}\n\n${text}\n\n${legend}\n\n${table}\n\n`
  })
  const met = lines.filter(({ ok }) => ok === true).length
  const missed = lines.filter(({ ok }) => ok === false).length
  const origins = runs.map(({ date, node, machine, rows: names }, i) => {
    const which = i === 0 ? '' : `${names.map(name => `\`${name}\``).join(', ')}: `
    return `${which}${date}, Node ${node}, ${machine}.`
  })
  const head = `${origins.join(' ')} ${met} of ${met + missed} targets are reached.`
  return `${head}\n\n${parts.join('')}### Targets\n\n${toTargets(lines)}\n`
}
