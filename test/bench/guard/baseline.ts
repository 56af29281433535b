import { readFileSync } from 'node:fs'
import path from 'node:path'
import { writeFigures } from '../figures-file.ts'
import type { Sample } from './sample.ts'

/** What the paths came to when it was last written. */
export interface Baseline {
  /** Another V8 allocates otherwise. */
  readonly node: string
  readonly paths: Readonly<Record<string, Sample>>
}

const file = path.resolve(import.meta.dirname, '../baseline.json')

export const nodeMajor: string = process.version.split('.')[0]!

export function readBaseline(): Baseline {
  return JSON.parse(readFileSync(file, 'utf8'))
}

export function writeBaseline(paths: Readonly<Record<string, Sample>>): void {
  const baseline: Baseline = { node: nodeMajor, paths }
  writeFigures(file, baseline)
}
