#!/usr/bin/env node
import { readFileSync } from 'node:fs'
import { run } from './run.ts'

const manifest: { readonly version: string } = JSON.parse(
  readFileSync(new URL('../../package.json', import.meta.url), 'utf8'),
)

// Whoever has read the address may close the pipe. The broker goes on, and its lines go nowhere.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {})

process.exitCode = await run(process.argv.slice(2), manifest.version, {
  print: line => console.log(line),
  complain: line => console.error(line),
  onInterrupt: end => {
    process.once('SIGINT', end)
    process.once('SIGTERM', end)
  },
})
