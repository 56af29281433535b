/**
 * Measures brokerlet beside eventemitter3, bare arrays and KafkaJS, in one run and as ratios.
 *
 *   npm run bench [-- --only <row>] [--quick] [--json FILE]
 */
import { fork } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { buildRows } from './build.ts'
import type { Figure } from './measure.ts'
import type { Row } from './row.ts'
import { rows } from './rows.ts'
import { toLines, toTable } from './table.ts'

const { values: options } = parseArgs({
  options: {
    only: { type: 'string', multiple: true },
    quick: { type: 'boolean', default: false },
    json: { type: 'string' },
  },
})

function measure(script: string, row: Row): Promise<Figure[]> {
  return new Promise((resolve, reject) => {
    const child = fork(script, [row.name, options.quick ? 'quick' : 'full'], { execArgv: ['--expose-gc'] })
    let figures: Figure[] | undefined
    child.on('message', message => {
      figures = message as Figure[]
    })
    child.on('error', reject)
    child.on('exit', code => {
      if (figures && code === 0) resolve(figures)
      else reject(new Error(`row '${row.name}' ended with ${code}`))
    })
  })
}

const unknown = options.only?.filter(name => !rows.some(row => row.name === name)) ?? []
if (unknown.length > 0) {
  console.error(`No row ${unknown.join(', ')}; there are ${rows.map(row => row.name).join(', ')}`)
  process.exit(2)
}
const chosen = rows.filter(row => options.only === undefined || options.only.includes(row.name))
const script = await buildRows()
const lines = []
for (const row of chosen) {
  try {
    process.stderr.write(`${row.name}: ${row.what}\n`)
    lines.push(...toLines(row, await measure(script, row)))
  } catch (error) {
    console.error(String(error))
    process.exitCode = 1
  }
}
console.log(toTable(lines))
if (options.json !== undefined) {
  const result = { date: new Date().toISOString(), node: process.version, quick: options.quick, lines }
  writeFileSync(options.json, `${JSON.stringify(result, null, 2)}\n`)
}
