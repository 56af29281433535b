import { parseArgs } from 'node:util'
import { runSchedule, ScheduleError } from './schedule.ts'

// npm run simulate -- --seconds 600 [--from 1] [--keep-going]     for as long as asked
// npm run simulate -- --seeds 100000 [--from 1] [--keep-going]    as many as asked; by default 10,000
// npm run simulate -- --seed 17                                   one, with its transcript
const { values } = parseArgs({
  options: {
    seconds: { type: 'string' },
    seeds: { type: 'string' },
    from: { type: 'string', default: '1' },
    seed: { type: 'string' },
    'keep-going': { type: 'boolean', default: false },
  },
})

const progressEveryMs = 10_000

async function replay(seed: number): Promise<void> {
  try {
    console.log(await runSchedule(seed))
  } catch (error) {
    if (!(error instanceof ScheduleError)) throw error
    console.log(`${error.transcript}\n\n${error.message.split('\n\n')[0]}`)
    process.exitCode = 1
  }
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
    try {
      await runSchedule(seed)
    } catch (error) {
      if (!(error instanceof ScheduleError)) throw error
      anomalies++
      console.log(keepGoing ? error.message.split('\n')[0] : error.message)
    }
    if (performance.now() - told >= progressEveryMs) tell()
  }
  tell()
  if (anomalies > 0) process.exitCode = 1
}

const { seed, from, seconds, seeds, 'keep-going': keepGoing } = values
if (seed !== undefined) await replay(Number(seed))
else {
  const most = seeds ?? (seconds === undefined ? '10000' : 'Infinity')
  await explore(Number(from), Number(most), Number(seconds ?? 'Infinity'), keepGoing)
}
