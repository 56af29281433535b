import { mkdirSync, writeFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import path from 'node:path'
import PQueue from 'p-queue'
import { CommandLine } from '../helpers/command-line.ts'
import { runMutant } from './mutant-run.ts'
import { type Mutation, root } from './mutation.ts'
import { mutationByName, mutations } from './mutations.ts'
import { describeOutcome, noticedBefore, page, type Result, toMarkdown } from './page.ts'

const usage = `Puts deliberate bugs into the core, and says which test notices each.

  npm run mutations                         all of them; writes docs/mutations.md
  npm run mutations -- 'a bug' 'another'    only these; writes nothing

  --anew   asks the simulation before the test that docs/mutations.md names`

const command = new CommandLine(
  usage,
  { anew: { type: 'boolean', default: false } },
  { allowPositionals: true },
)
const { positionals, values } = command
for (const name of positionals)
  if (!mutations.some(mutation => mutation.name === name))
    command.refuse(`There is no deliberate bug '${name}'`)

async function main(): Promise<void> {
  const began = performance.now()
  mkdirSync(path.join(root, 'reports', 'mutations'), { recursive: true })
  const wanted = positionals.length > 0 ? positionals.map(mutationByName) : mutations
  const queue = new PQueue({ concurrency: availableParallelism() })
  const sound = queue.add(() => runMutant(undefined, 'none'))
  let done = 0
  const run = async (mutation: Mutation): Promise<Result> => {
    const likely = values.anew ? undefined : noticedBefore(mutation)
    const outcome = await runMutant(mutation, String(mutations.indexOf(mutation)), likely)
    console.log(`${++done}/${wanted.length}  ${mutation.name}\n        ${describeOutcome(outcome)}`)
    return { mutation, outcome }
  }
  const results = await Promise.all(wanted.map(mutation => queue.add(() => run(mutation))))
  const withoutBug = await sound
  const seconds = Math.round((performance.now() - began) / 1000)
  report(results, seconds)
  if (withoutBug.by !== 'nobody') {
    console.log(`Without a bug it fails, too: ${describeOutcome(withoutBug)}`)
    process.exitCode = 1
  } else if (positionals.length === 0) {
    writeFileSync(page, toMarkdown(results))
  }
}

function report(results: readonly Result[], seconds: number): void {
  const survivors = results.filter(({ outcome }) => outcome.by === 'nobody')
  const width = Math.max(...results.map(({ mutation }) => mutation.name.length))
  console.log()
  for (const { mutation, outcome } of results)
    console.log(`${mutation.name.padEnd(width)}  ${describeOutcome(outcome)}`)
  console.log(`\n${results.length} bugs, ${survivors.length} survive, ${seconds} s`)
  for (const { mutation } of survivors) console.log(`SURVIVES: ${mutation.name}: ${mutation.breaks}`)
  if (survivors.length > 0) process.exitCode = 1
}

await main()
