import { readFileSync } from 'node:fs'
import path from 'node:path'
import type { Outcome } from './mutant-run.ts'
import { type Mutation, root } from './mutation.ts'
import { otherSeeds, seeds } from './rooms.ts'

/** A bug and what noticed it. */
export interface Result {
  readonly mutation: Mutation
  readonly outcome: Outcome
}

/** The page of the documentation that says what notices each bug. */
export const page: string = path.join(root, 'docs', 'mutations.md')

/** What noticed a bug, in a line. */
export function describeOutcome(outcome: Outcome): string {
  if (outcome.by === 'simulation') return `simulation: ${outcome.kind}, seed ${outcome.seed}`
  if (outcome.by === 'test') return `${outcome.file}: ${outcome.title}`
  return outcome.by === 'hangs' ? 'the run does not end' : 'NOBODY'
}

/** The test file that noticed a bug when the page was written, if it was a test. */
export function noticedBefore(mutation: Mutation): string | undefined {
  const begins = `| ${rowOf(mutation).join(' | ')} | `
  const row = readFileSync(page, 'utf8')
    .split('\n')
    .find(line => line.startsWith(begins))
  return /^(test\/\S+): /.exec(row?.slice(begins.length) ?? '')?.[1]
}

/** The page. */
export function toMarkdown(results: readonly Result[]): string {
  const bySimulation = results.filter(({ outcome }) => outcome.by === 'simulation').length
  const rows = results.map(({ mutation, outcome }) => [...rowOf(mutation), cell(describeOutcome(outcome))])
  return `${[
    '# Deliberate bugs, and what catches them',
    '',
    'A test that cannot fail says nothing. `npm run mutations` puts each of these bugs into the core, one at a time, and',
    `runs the simulation: ${seeds} seeds of its schedules, and ${otherSeeds} of each of its other worlds. If that shows no anomaly, it`,
    'runs the tests of the room (the folder of `src`) concerned. A bug that nothing notices fails the run. The bugs are',
    'made while the tests load the source: none of them is in the package. The simulation has no server, so it is not run',
    'for a bug in that.',
    '',
    'That run writes this page. It names the first anomaly or the first failing test; others may notice the bug, too. The',
    'test that is named here is asked before the simulation the next time; `--anew` begins with the simulation.',
    '',
    `${results.length} bugs, ${bySimulation} of them caught by the simulation.`,
    '',
    '| the bug | where | the promise it breaks | caught by |',
    '| --- | --- | --- | --- |',
    ...rows.map(row => `| ${row.join(' | ')} |`),
  ].join('\n')}\n`
}

function rowOf({ name, file, breaks }: Mutation): string[] {
  return [name, `\`src/${file}\``, breaks].map(cell)
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('\n', ' ')
}
