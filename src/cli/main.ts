#!/usr/bin/env node
import { readFileSync } from 'node:fs'
import { LineWriter } from './line-writer.ts'
import { run } from './run.ts'

const manifest: { readonly version: string } = JSON.parse(
  readFileSync(new URL('../../package.json', import.meta.url), 'utf8'),
)

// How long the last lines may take to be read. What is in a full pipe that nobody reads would keep the process for ever.
const lastLinesMs = 1000

const [output, complaints] = [new LineWriter(process.stdout), new LineWriter(process.stderr)]

process.exitCode = await run(process.argv.slice(2), manifest.version, {
  print: line => output.print(line),
  complain: line => complaints.print(line),
  onInterrupt: end => {
    process.once('SIGINT', end)
    process.once('SIGTERM', end)
  },
})
setTimeout(() => process.exit(), lastLinesMs).unref()
