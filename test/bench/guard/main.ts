import { CommandLine } from '../../helpers/command-line.ts'
import { buildProgram } from '../build.ts'
import { short, toMarkdown } from '../table.ts'
import { nodeMajor, readBaseline, writeBaseline } from './baseline.ts'
import { lossesOf } from './losses.ts'
import { paths } from './paths.ts'
import { type Sample, sample } from './sample.ts'

const usage = `Compares the cost of records with that in the baseline, and fails on a loss beyond noise.

  npm run bench:guard -- [options]

  --only PATH  only this path of a record; may be given again
  --write      writes the baseline anew`

const command = new CommandLine(usage, {
  only: { type: 'string', multiple: true },
  write: { type: 'boolean', default: false },
})
const options = command.values

const names = paths.map(({ name }) => name)
const chosen = names.filter(name => options.only === undefined || options.only.includes(name))
if (chosen.length === 0 || (options.write && chosen.length < names.length))
  command.refuse(`--only expected one of ${names.join(', ')}; --write is for all of them`)

async function guard(): Promise<boolean> {
  const baseline = options.write ? undefined : readBaseline()
  if (baseline !== undefined && baseline.node !== nodeMajor) {
    console.log(`skipped: the baseline is of Node ${baseline.node}, and this is ${nodeMajor}`)
    return true
  }
  const script = await buildProgram('guard/child')
  const samples: Record<string, Sample> = {}
  const losses: string[] = []
  for (const name of chosen) {
    samples[name] = await sample(script, name)
    const before = baseline?.paths[name]
    if (before === undefined || lossesOf(samples[name], before).length === 0) continue
    // A busy machine is not a loss: only a path that is worse twice counts.
    samples[name] = await sample(script, name)
    losses.push(...lossesOf(samples[name], before).map(loss => `${name}: ${loss}`))
  }
  console.log(toTable(samples, baseline?.paths))
  for (const loss of losses) console.error(`worse: ${loss}`)
  if (options.write) writeBaseline(samples)
  return losses.length === 0
}

type Samples = Readonly<Record<string, Sample>>

function toTable(samples: Samples, before: Samples | undefined): string {
  const beside = (now: number, then: number | undefined) =>
    then === undefined ? short(now) : `${short(now)} (${short(then)})`
  const cells = Object.entries(samples).map(([name, { bytes, deoptimisations, ratio }]) => [
    name,
    beside(bytes, before?.[name]?.bytes),
    beside(deoptimisations, before?.[name]?.deoptimisations),
    beside(ratio, before?.[name]?.ratio),
  ])
  return toMarkdown(['path', 'bytes a record', 'deoptimisations', 'of its yardstick'], cells)
}

process.exitCode = (await guard()) ? 0 : 1
