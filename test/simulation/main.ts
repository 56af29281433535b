import { CommandLine } from '../helpers/command-line.ts'
import { Watchdog } from './watchdog.ts'
import { type Outcome, turns, type World, worlds } from './worlds.ts'

const names = worlds.map(({ name }) => name)

const usage = `Runs seeded schedules of every operation, and checks what happened.

  npm run simulate -- --seconds 600 [--from 1] [--keep-going]     for as long as asked
  npm run simulate -- --seeds 100000 [--from 1] [--keep-going]    as many as asked; by default 10,000
  npm run simulate -- --seed 17                                   one, with its transcript

  --keep-going       does not end with the first anomaly
  --only <name>      all seeds in one world, instead of in each in turn: ${names.join(', ')}
  --hangs-after <s>  ends where a seed takes longer than that, in seconds; by default 60`

const command = new CommandLine(usage, {
  seconds: { type: 'string' },
  seeds: { type: 'string' },
  from: { type: 'string' },
  seed: { type: 'string' },
  only: { type: 'string' },
  'hangs-after': { type: 'string' },
  'keep-going': { type: 'boolean', default: false },
})

const progressEveryMs = 10_000
const lastLines = 80

const { only } = command.values
if (only !== undefined && !names.includes(only))
  command.refuse(`--only expected ${names.join(', ')}, received '${only}'`)
const chosen = only === undefined ? turns : worlds.filter(({ name }) => name === only)

function worldOf(seed: number): World {
  return chosen[seed % chosen.length]!
}

function again(seed: number): string {
  return `npx tsx test/simulation/main.ts --only ${worldOf(seed).name} --seed ${seed}`
}

function run(seed: number): Promise<Outcome> {
  const world = worldOf(seed)
  return watchdog.watch(`Seed ${seed} of ${world.name} (${again(seed)})`, () => world.run(seed))
}

async function replay(seed: number): Promise<void> {
  const { problem, transcript } = await run(seed)
  console.log(transcript())
  if (problem === undefined) return
  console.log(`\n${problem.text}`)
  process.exitCode = 1
}

/**
 * Runs seeds from `from` on: until one shows an anomaly (unless it keeps going), or the number or the time is reached.
 */
async function explore(from: number, seeds: number, seconds: number, keepGoing: boolean): Promise<void> {
  const began = performance.now()
  const elapsed = () => (performance.now() - began) / 1000
  let done = 0
  let anomalies = 0
  let told = began
  const tell = () => {
    const rate = Math.round(done / elapsed())
    console.log(
      `${Math.round(elapsed())} s: ${done} seeds from ${from} on, ${rate} seeds/s, ${anomalies} anomalies`,
    )
    told = performance.now()
  }
  while (done < seeds && elapsed() < seconds && (keepGoing || anomalies === 0)) {
    const seed = from + done++
    const { problem, transcript } = await run(seed)
    if (problem !== undefined) {
      anomalies++
      const first = `Seed ${seed} of ${worldOf(seed).name}: ${problem.text}`
      const tail = () => transcript().split('\n').slice(-lastLines).join('\n')
      console.log(keepGoing ? first.split('\n')[0] : `${first}\n\n${tail()}\n\n${again(seed)}`)
    }
    if (performance.now() - told >= progressEveryMs) tell()
  }
  tell()
  if (anomalies > 0) process.exitCode = 1
}

const watchdog = new Watchdog(command.count('hangs-after', 1, 60) * 1000)
const seed = command.count('seed', 0, undefined)
const from = command.count('from', 0, 1)
const seconds = command.count('seconds', 1, Number.POSITIVE_INFINITY)
const seeds = command.count(
  'seeds',
  1,
  command.values.seconds === undefined ? 10_000 : Number.POSITIVE_INFINITY,
)
if (seed === undefined) await explore(from, seeds, seconds, command.values['keep-going'])
else await replay(seed)
