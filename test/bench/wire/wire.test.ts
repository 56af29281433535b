import { afterAll, expect, it } from 'vitest'
import { Broker } from '../../../src/index.ts'
import { serve } from '../../../src/server/index.ts'
import { removeLines } from './records.ts'
import { type Contender, inRounds, type Series } from './rounds.ts'
import { type Row, tiny } from './row.ts'
import { rows } from './rows.ts'
import { type Server, withAdmin } from './server.ts'
import { toLines, toTable } from './table.ts'

/** A server in this very process. */
async function start(): Promise<Server> {
  const broker = new Broker()
  const { address } = await serve(broker)
  const close = async () => {
    await broker.close()
  }
  return withAdmin({ address, version: 'this one', pid: process.pid, close })
}

afterAll(removeLines)

// These would install their client.
const installing = new Set(['librdkafka-start', 'platformatic-start'])
const measured = rows.filter(({ name }) => !installing.has(name))

it.for(measured.map(row => [row.name, row] as const))('the row %s runs', async ([, row], { skip }) => {
  const reason = await row.install?.()
  if (reason !== undefined) skip(reason)
  const kind = { name: 'brokerlet', install: async () => undefined, start }
  const server = await start()
  const [series] = await inRounds(row, [{ kind, server }], tiny)
  await server.close()
  expect(series).toMatchObject({ server: 'brokerlet', values: [expect.any(Number)], failure: undefined })
  expect(series!.values.every(Number.isFinite)).toBe(true)
})

const rate: Row = {
  name: 'produce',
  what: 'produces',
  unit: 'records/s',
  recordBytes: 100,
  targets: { mock: 0.8, kafka: 1 },
  measure: async () => 0,
}

it('takes turns, does not count what warms up, leaves out what it has to, and goes on without one that fails', async () => {
  const turns: string[] = []
  const contenders = ['brokerlet', 'mock', 'kfake', 'kafka'].map((name): Contender => {
    const nothing = async () => {}
    const server = {
      address: name,
      version: '',
      pid: 0,
      createTopic: nothing,
      deleteTopic: nothing,
      close: nothing,
    }
    return { kind: { name, install: async () => undefined, start: async () => server }, server }
  })
  const row: Row = {
    ...rate,
    without: { kafka: 'no disk' },
    async measure({ address: name }) {
      turns.push(name)
      if (name === 'mock' && turns.length > 3) throw new Error('no more')
      return turns.length
    },
  }
  const series = await inRounds(row, contenders, { share: 1, warmUps: 1, rounds: 2 })
  expect(turns).toEqual(['brokerlet', 'mock', 'kfake', 'brokerlet', 'mock', 'kfake', 'brokerlet', 'kfake'])
  expect(series).toEqual([
    { server: 'brokerlet', values: [4, 7], failure: undefined },
    { server: 'mock', values: [], failure: new Error('no more') },
    { server: 'kfake', values: [6, 8], failure: undefined },
  ])
  expect(toLines(row, series).map(({ server }) => server)).toEqual(['brokerlet', 'kfake'])
})

const figures: readonly Series[] = [
  { server: 'brokerlet', values: [900, 90, 90] },
  { server: 'mock', values: [1000, 100, 100] },
  { server: 'kafka', values: [600, 150, 100] },
]

it('judges a rate by what it is at least to be, round by round', () => {
  const [ours, mock, kafka] = toLines(rate, figures)
  expect(ours).toEqual({
    row: 'produce',
    server: 'brokerlet',
    unit: 'records/s',
    median: 90,
    quartiles: [90, 900],
    megabytesPerSecond: 0.009,
    rounds: 3,
  })
  expect(mock).toMatchObject({ ratio: 0.9, ratioQuartiles: [0.9, 0.9], target: '>= 0.8', ok: true })
  expect(kafka).toMatchObject({ ratio: 0.9, ratioQuartiles: [0.6, 1.5], target: '>= 1', ok: false })
})

it('judges a time by what it is at most to be, and a limit by our figure alone', () => {
  const { recordBytes: _, ...time } = { ...rate, unit: 'ms' as const, limit: 80 }
  const lines = toLines(time, figures)
  expect(lines.map(({ target, ok }) => [target, ok])).toEqual([
    ['<= 80 ms', false],
    ['<= 0.8', false],
    ['<= 1', true],
  ])
  const [header, , ...cells] = toTable(lines).split('\n')
  expect(header).toMatch(/^\| row +\| server +\| median/)
  expect(cells[2]).toMatch(/^\| produce \| kafka +\| 150 ms .*\| 0.90 times .*\| ok +\|$/)
})
