import path from 'node:path'
import { pathToFileURL } from 'node:url'
import { type Line, oursName } from './line.ts'

interface Panel {
  readonly title: string
  readonly bars: readonly { readonly name: string; readonly value: number; readonly ours: boolean }[]
}

/** The titles of the panels, and their rows. */
const drawn: Readonly<Record<string, readonly string[]>> = {
  'A synchronous handler, batches of 100 sends: ns a record': ['sends-sync'],
  'An asynchronous handler, batches of 100 sends: ns a record': ['sends-async'],
  'One awaited send after the other: ns a record': ['send'],
  'Ten groups, synchronous handlers: ns a record': ['ten-groups'],
  'Beside a server on loopback: ns a record': ['nats', 'redis', 'jetstream', 'kafkajs', 'platformatic'],
}

/** Draws the figures, the fastest first; needs the packages of this folder. */
export async function toChart(lines: readonly Line[]): Promise<string> {
  const panels = Object.entries(drawn).map(([title, rows]): Panel => {
    const some = lines.filter(({ row }) => rows.includes(row))
    const bars = some.map(({ name, figure }) => ({ name, value: figure.median, ours: name === oursName }))
    // Each row of a panel has a figure of brokerlet; only the first is drawn.
    const once = bars.filter(({ name }, i) => bars.findIndex(bar => bar.name === name) === i)
    return { title, bars: once.toSorted((a, b) => a.value - b.value) }
  })
  // Imported at run time, since its packages are installed only here.
  const { draw } = await import(pathToFileURL(path.join(import.meta.dirname, 'draw.js')).href)
  return draw(panels.filter(({ bars }) => bars.length > 0))
}
