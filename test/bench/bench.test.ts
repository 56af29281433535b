import { expect, it } from 'vitest'
import { toChart } from './chart.ts'
import { withFigures } from './document.ts'
import { arePackagesInstalled } from './install.ts'
import { toLines } from './line.ts'
import { type Figure, merge, tiny } from './measure.ts'
import { needs } from './needs.ts'
import type { Row } from './row.ts'
import { rows } from './rows.ts'
import { toTable } from './table.ts'

const alone = rows.filter(row => row.needs === undefined)

it.each(alone.map(row => [row.name, row] as const))('the row %s runs', async (_, row) => {
  const figures = await row.measure(tiny)
  expect(figures.length).toBeGreaterThan(0)
  for (const { ours, theirs } of figures)
    expect([ours.median, theirs.median].every(Number.isFinite)).toBe(true)
})

// Apache Kafka takes seconds to start: `npm run bench` alone tries those rows.
const needing = rows.filter(row => row.needs !== undefined && row.needs !== 'Apache Kafka')

it.for(needing.map(row => [row.name, row] as const))(
  'the row %s runs with what it needs',
  async ([, row], { skip }) => {
    const need = needs[row.needs!]
    if (row.section === 'servers' && !arePackagesInstalled()) skip('needs the packages of test/bench')
    const reason = await need.install()
    if (reason !== undefined) skip(reason)
    const { where, close } = await need.start()
    try {
      const [figure] = await row.measure(tiny, where)
      expect(figure!.theirs.median).toBeGreaterThan(0)
    } finally {
      await close()
    }
  },
)

const row: Row = {
  name: 'send',
  section: 'awaited',
  what: 'sends',
  unit: 'ns/record',
  targets: { eventemitter3: 5 },
  measure: async () => [],
}

const measured = (median: number) => ({ median, from: median - 1, to: median + 1 })
const figure = (yardstick: string, theirs: number, ratio: number): Figure => {
  return { yardstick, ours: measured(60), theirs: measured(theirs), ratio: measured(ratio) }
}

it('gives ours and each yardstick a line, with ratios to the bare loop and to emit, and judges by the targets', () => {
  const lines = toLines(row, [
    figure('push and loop', 10, 6),
    figure('eventemitter3', 12, 5.1),
    figure('p-queue', 600, 0.125),
  ])
  expect(lines.map(({ name, ofLoop, ofEmit, ok }) => [name, ofLoop, ofEmit, ok])).toEqual([
    ['brokerlet', 6, 5.1, undefined],
    ['push and loop', 1, 5.1 / 6, undefined],
    ['eventemitter3', 6 / 5.1, 1, false],
    ['p-queue', 48, 40.8, undefined],
  ])
  const [header, , ...cells] = toTable(lines).split('\n')
  expect(header).toMatch(/^\| row +\| who +\| median +\| spread/)
  expect(cells[2]).toMatch(/\| 5.10 times +\| .* \| <= 5 +\| over \| keep, order, share, replay +\|$/)
})

it('judges our figure as it stands where the row says so', () => {
  const [ours, theirs] = toLines({ ...row, judged: 'ours' }, [figure('eventemitter3', 12, 5)])
  expect([ours!.target, ours!.ok, theirs!.ok]).toEqual([5, false, undefined])
})

it('takes the median of several processes, and how far they lie apart', () => {
  const merged = merge([figure('emit', 10, 6), figure('emit', 30, 2), figure('emit', 20, 3)])
  expect(merged.theirs).toEqual({ median: 20, from: 10, to: 30 })
  expect(merged.ratio).toEqual({ median: 3, from: 2, to: 6 })
})

it('writes the tables between the marks of a page, and leaves the rest', () => {
  const figures = {
    runs: [
      { date: '2026-01-01', node: 'v20', machine: 'one', rows: ['append', 'send'] },
      { date: '2026-02-02', node: 'v22', machine: 'two', rows: ['import', 'size'] },
    ],
    lines: toLines(row, [figure('emittery', 1, 1)]),
  }
  const marked =
    '# Page\n<!-- npm run bench -- --write: begin -->\nold\n<!-- npm run bench -- --write: end -->\nrest\n'
  const page = withFigures(marked, figures)
  expect(page).toMatch(
    /^# Page\n<!-- .*begin -->\n\n2026-01-01, Node v20, one\. `import`, `size`: 2026-02-02, Node v22, two\. 0 of 0 targets are reached\.\n\n### One awaited send/,
  )
  expect(page).toMatch(/<!-- .*end -->\nrest\n$/)
  expect(page).not.toContain('old')
  expect(() => withFigures('no marks', figures)).toThrow('lacks its marks')
})

it('draws a chart', async ({ skip }) => {
  if (!arePackagesInstalled()) skip('needs the packages of test/bench')
  const svg = await toChart(toLines(row, [figure('eventemitter3', 12, 5)]))
  expect(svg).toMatch(/^<svg .*eventemitter3.*<\/svg>$/s)
})
