import { parseArgs } from 'node:util'
import { runSchedule, ScheduleError } from './schedule.ts'

// npx tsx test/simulation/main.ts [--seeds 10000] [--from 1] [--keep-going] | --seed 17
const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '10000' },
    from: { type: 'string', default: '1' },
    seed: { type: 'string' },
    'keep-going': { type: 'boolean', default: false },
  },
})

async function replay(seed: number): Promise<void> {
  try {
    console.log(await runSchedule(seed))
  } catch (error) {
    if (!(error instanceof ScheduleError)) throw error
    console.log(`${error.transcript}\n\n${error.message.split('\n\n')[0]}`)
    process.exitCode = 1
  }
}

async function explore(from: number, seeds: number, keepGoing: boolean): Promise<void> {
  const began = performance.now()
  const anomalies: string[] = []
  for (let seed = from; seed < from + seeds; seed++) {
    try {
      await runSchedule(seed)
    } catch (error) {
      if (!(error instanceof ScheduleError)) throw error
      anomalies.push(`${seed} ${error.message.split('\n')[0]}`)
      console.log(keepGoing ? anomalies.at(-1) : error.message)
      if (!keepGoing) break
    }
    const done = seed - from + 1
    if (done % 1000 === 0 || done === seeds) {
      const rate = Math.round(done / ((performance.now() - began) / 1000))
      console.log(`${done} of ${seeds} seeds, ${rate} seeds/s, ${anomalies.length} anomalies`)
    }
  }
  if (anomalies.length > 0) process.exitCode = 1
}

if (values.seed !== undefined) await replay(Number(values.seed))
else await explore(Number(values.from), Number(values.seeds), values['keep-going'])
