import { readFileSync } from 'node:fs'
import path from 'node:path'
import { writeFigures } from '../figures-file.ts'
import type { Sample } from './sample.ts'

/** The figures of the paths when the baseline was written. */
export interface Baseline {
  /** The Node version, since another V8 allocates differently. */
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
