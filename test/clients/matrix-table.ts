import type { Cell, Outcome } from './cell.ts'
import { clients } from './client.ts'
import { scenarios } from './scenarios.ts'

/** What was measured, by client and by row. */
export type Matrix = Record<string, { version: string; cells: Record<string, Cell> }>

export const exampleTitle = 'its example in these docs'

const row = (cells: readonly string[]) => `| ${cells.join(' | ')} |`

function toText(cell: Cell | undefined): string {
  if (cell === undefined) return ''
  if (cell.outcome === 'ok') return `${cell.ms}`
  return cell.outcome === 'missing' ? '–' : '**failed**'
}

// Where one reason is behind several rows, the table shows which.
const toRows = (titles: readonly string[]) =>
  titles.length === 1 ? `, ${titles[0]}` : ` (${titles.length} rows)`

/** The page of the docs. */
export function toMarkdown(matrix: Matrix): string {
  const columns = clients.filter(({ name }) => matrix[name] !== undefined)
  const titles = [...scenarios.map(({ title }) => title), exampleTitle]
  const listed = (outcome: Outcome) =>
    columns.flatMap(({ name }) => {
      const rows = new Map<string, string[]>()
      for (const title of titles) {
        const cell = matrix[name]!.cells[title]
        // What an action is called says no more than the row does.
        if (cell?.outcome !== outcome || /^has no [a-z-]+$/.test(cell.reason!)) continue
        rows.set(cell.reason!, [...(rows.get(cell.reason!) ?? []), title])
      }
      return [...rows].map(([reason, of]) => `- ${name}${toRows(of)}: ${reason}`)
    })
  const section = (heading: string, lines: readonly string[]) =>
    lines.length === 0 ? '' : `\n${heading}\n\n${lines.join('\n')}\n`
  return `# Which clients do what

\`npm run test:clients -- --write\` writes this page. It runs each client against the built package over TCP. Every cell is a
small program that is checked on both sides: what the client read, and what the broker has. The figure is the time that the
client took, in milliseconds, with its connections and without the start of its process. It includes the client's own waits,
such as for a heartbeat that announces a rebalance, and the load of other clients that ran at the same time. – means that
the client does not have this feature.

${row(['', ...columns.map(({ name }) => `${name} ${matrix[name]!.version}`)])}
${row(['---', ...columns.map(() => '---:')])}
${titles.map(title => row([title, ...columns.map(({ name }) => toText(matrix[name]!.cells[title]))])).join('\n')}
${section('What fails:', listed('failed'))}${section('What a client does not have, and why:', listed('missing'))}
CI runs the same without \`--write\`, and fails if a cell that was ok is not. \`--client kcat --scenario rebalance\` runs a part
of it. A client whose language or package is not on the machine is skipped.
`
}
