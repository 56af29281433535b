import type { Outcome } from './mutant-run.ts'
import type { Mutation } from './mutation.ts'
import { otherSeeds, seeds } from './rooms.ts'

/** A bug and what noticed it. */
export interface Result {
  readonly mutation: Mutation
  readonly outcome: Outcome
}

/** What noticed a bug, in a line. */
export function describeOutcome(outcome: Outcome): string {
  if (outcome.by === 'simulation') return `simulation: ${outcome.kind}, seed ${outcome.seed}`
  if (outcome.by === 'test') return `${outcome.file}: ${outcome.title}`
  return outcome.by === 'hangs' ? 'the run does not end' : 'NOBODY'
}

/** The page of the documentation. */
export function toMarkdown(results: readonly Result[]): string {
  const bySimulation = results.filter(({ outcome }) => outcome.by === 'simulation').length
  const rows = results.map(({ mutation, outcome }) =>
    [mutation.name, `\`src/${mutation.file}\``, mutation.breaks, describeOutcome(outcome)].map(cell),
  )
  return `${[
    '# Deliberate bugs, and what catches them',
    '',
    'A test that cannot fail says nothing. `npm run mutations` puts each of these bugs into the core, one at a time, and',
    `runs the simulation: ${seeds} seeds of its schedules, and ${otherSeeds} of each of its other worlds. If that shows no anomaly, it`,
    'runs the tests of the room (the folder of `src`) concerned. A bug that nothing notices fails the run. The bugs are',
    'made while the tests load the source: none of them is in the package.',
    '',
    'That run writes this page. It names the first anomaly or the first failing test; others may notice the bug, too.',
    '',
    `${results.length} bugs, ${bySimulation} of them caught by the simulation.`,
    '',
    '| the bug | where | the promise it breaks | caught by |',
    '| --- | --- | --- | --- |',
    ...rows.map(row => `| ${row.join(' | ')} |`),
  ].join('\n')}\n`
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('\n', ' ')
}
