import { expect, it } from 'vitest'
import { tiny } from './measure.ts'
import { rows } from './rows.ts'
import { toLines, toTable } from './table.ts'

it.each(rows.map(row => [row.name, row] as const))('the row %s runs', async (_, row) => {
  const figures = await row.measure(tiny)
  expect(figures.length).toBeGreaterThan(0)
  for (const { ours, theirs } of figures) expect([ours, theirs].every(Number.isFinite)).toBe(true)
})

it('judges a figure by its first target', () => {
  const row = { ...rows[1]!, targets: { peer: { first: 6, later: 5 } } }
  const figure = { yardstick: 'peer', ours: 55, theirs: 10, ratio: 5.5, spread: [5, 6] as const, rounds: 9 }
  const lines = toLines(row, [figure, { ...figure, ratio: 6.1 }, { ...figure, yardstick: 'other' }])
  expect(lines.map(({ ok }) => ok)).toEqual([true, false, undefined])
  expect(toTable(lines)).toContain('| over')
})
