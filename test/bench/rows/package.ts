import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import { gzipSync } from 'node:zlib'
import { inRounds, toFigure } from '../measure.ts'
import type { Row } from '../row.ts'

const dependencies = ['eventemitter3', 'p-queue', 'nanoid']

/** How long a fresh process takes to import some modules, in milliseconds. */
function timeOfImport(modules: readonly string[]): number {
  const program = `
    const start = performance.now()
    await Promise.all(${JSON.stringify(modules)}.map(each => import(each)))
    console.log(performance.now() - start)
  `
  return Number(execFileSync(process.execPath, ['--input-type=module', '--eval', program]))
}

export const packageRows: readonly Row[] = [
  {
    name: 'import',
    section: 'package',
    what: 'importing brokerlet in a fresh process',
    unit: 'ms',
    targets: { 'its three dependencies': 1.5 },
    needs: 'the built package',
    async measure(scale, folder) {
      const entry = pathToFileURL(path.join(folder!, 'index.js')).href
      const ours: number[] = []
      const theirs: number[] = []
      await inRounds(scale, async counts => {
        const before = timeOfImport(dependencies)
        const mine = timeOfImport([entry])
        const after = timeOfImport(dependencies)
        if (!counts) return
        ours.push(mine)
        theirs.push((before + after) / 2)
      })
      return [toFigure('its three dependencies', ours, theirs)]
    },
  },
  {
    name: 'size',
    section: 'package',
    what: 'all that brokerlet exports, minified and gzipped, without its dependencies',
    unit: 'kB',
    judged: 'ours',
    targets: { 'not minified': 25 },
    needs: 'the built package',
    async measure(_, folder) {
      const minified = gzipSync(readFileSync(path.join(folder!, 'minified.js')), { level: 9 })
      const whole = readFileSync(path.join(folder!, 'whole.js'))
      return [toFigure('not minified', [minified.length / 1000], [whole.length / 1000])]
    },
  },
]
