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

interface Figures {
  readonly date: string
  readonly node: string
  readonly machine: string
  readonly lines: readonly Line[]
}

/** Replaces the figures of the rows that were measured, so that a few rows can be measured again. */
export async function writeDocument(measured: readonly Line[]): Promise<void> {
  const reason = await installPackages()
  if (reason !== undefined) throw new Error(`the chart is not drawn: ${reason}`)
  const before: readonly Line[] = existsSync(figuresFile)
    ? (JSON.parse(readFileSync(figuresFile, 'utf8')) as Figures).lines
    : []
  const lines = rows.flatMap(({ name }) => {
    const ofRow = (some: readonly Line[]) => some.filter(({ row }) => row === name)
    const fresh = ofRow(measured)
    return fresh.length > 0 ? fresh : ofRow(before)
  })
  const processors = cpus()
  const figures: Figures = {
    date: new Date().toISOString().slice(0, 10),
    node: process.version,
    machine: `${processors.length} processors, ${processors[0]?.model ?? 'unknown'}`,
    lines,
  }
  writeFigures(figuresFile, figures)
  writeFileSync(path.join(docs, 'performance.svg'), await toChart(lines))
  const page = path.join(docs, 'performance.md')
  writeFileSync(page, withFigures(readFileSync(page, 'utf8'), figures))
}

/** Returns the page with other figures between its marks. */
export function withFigures(page: string, figures: Figures): string {
  const [head, rest] = page.split(begin)
  const tail = rest?.split(end)[1]
  if (head === undefined || tail === undefined)
    throw new Error(`docs/performance.md lacks its marks: ${begin}`)
  return `${head}${begin}\n\n${toMarkdownSections(figures)}\n${end}${tail}`
}

function toMarkdownSections({ date, node, machine, lines }: Figures): string {
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
  const head = `${date}, Node ${node}, ${machine}. ${met} of ${met + missed} targets are reached.`
  return `${head}\n\n${parts.join('')}### Targets\n\n${toTargets(lines)}\n`
}
