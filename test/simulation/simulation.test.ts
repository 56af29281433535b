import { expect, it } from 'vitest'
import { runSchedule } from './schedule.ts'

// As many as a small machine runs in some twenty seconds; main.ts runs any number.
const seeds = 2000

it(`shows no anomaly in ${seeds} schedules`, { timeout: 600_000 }, async () => {
  for (let seed = 1; seed <= seeds; seed++) await runSchedule(seed)
})

it('gives the same transcript for the same seed, to the byte', { timeout: 60_000 }, async () => {
  for (let seed = 1; seed <= 30; seed++) expect(await runSchedule(seed)).toBe(await runSchedule(seed))
})
