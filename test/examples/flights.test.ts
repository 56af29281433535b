import { describe, expect, it } from 'vitest'
import { differences } from '../../examples/flights/expected.ts'
import { parseOptions } from '../../examples/flights/options.ts'
import { Screen } from '../../examples/flights/screen.ts'
import { runExample } from './run-example.ts'

const main = 'flights/main.ts'
const limit = 20_000

/** The cells of the table row that begins with `first`. */
function row(lines: readonly string[], first: string): string[] | undefined {
  const cells = lines.map(line => line.split('│').map(cell => cell.trim()))
  return cells.find(each => each[1] === first)?.slice(1, -1)
}

describe('the main job', { timeout: 60_000 }, () => {
  it('counts every flight once, though a consumer fails and another one joins', async () => {
    const { exit, lines, errors } = await runExample(main, { args: ['--limit', `${limit}`] })

    expect(errors).toBe('')
    expect(exit).toBe(0)
    expect(row(lines, 'statistics')).toEqual(['statistics', '3', '20,000', '18'])
    expect(row(lines, 'alerts')).toEqual(['alerts', '1', '20,000', '0'])
    expect(row(lines, 'alert-desk')).toEqual(['alert-desk', '1', '1,697', '0'])
    expect(row(lines, 'archive')).toEqual(['archive', '1', '20,000', '0'])
    expect(row(lines, 'XNA')).toEqual(['XNA', '48.5 min', '25.0 %', '20'])
    expect(row(lines, 'DFW')).toEqual(['DFW', '42.7 min', '26.8 %', '926'])
    expect(lines.at(-1)).toContain('the same totals')

    const told = lines.filter(line => line.includes('statistics-') || line.startsWith('  statistics:'))
    expect(told).toEqual([
      '  statistics: 1 consumer, 0 partitions moved',
      '  statistics: 2 consumers, 6 partitions moved',
      '  statistics: 3 consumers, 4 partitions moved',
      'statistics-2 will fail at its next flight',
      '  statistics: 2 consumers, 4 partitions moved',
      expect.stringMatching(/^statistics-2 has stopped at flights-\d+, offset \d+.*: Error: out of paper$/),
      'statistics-4 joins',
      '  statistics: 3 consumers, 4 partitions moved',
    ])
  })

  it.concurrent.each([
    [
      'lost',
      new URL('./sabotage/lose-a-flight.ts', import.meta.url),
      /^ {2}records of group statistics: expected 20000, counted 19999$/m,
    ],
    [
      'counted twice',
      new URL('./sabotage/count-a-flight-twice.ts', import.meta.url),
      /^ {2}records of group statistics: expected 20000, counted 20001$/m,
    ],
  ])('fails when a flight is %s', async (_how, sabotage, found) => {
    const { exit, lines, errors } = await runExample(main, {
      args: ['--limit', `${limit}`],
      before: [sabotage.href],
    })

    expect(exit).toBe(1)
    expect(errors).toMatch(found)
    expect(lines.join('\n')).not.toContain('the same totals')
  })

  it.concurrent.each([
    [['--fast'], 2],
    [['--file', 'package.json'], 1],
    [['--kafka', 'nowhere'], 1],
  ] as const)('fails in one line on %s', async (args, status) => {
    const { exit, lines, errors } = await runExample(main, { args })

    expect(exit).toBe(status)
    expect(lines).toEqual([])
    expect(errors).toMatch(/^flights: .+\n$/)
  })

  it('says how it is used', async () => {
    const { exit, lines, errors } = await runExample(main, { args: ['--help'] })

    expect(errors).toBe('')
    expect(exit).toBe(0)
    expect(lines).toContain('npm start -- [options]')
  })

  it('sends no faster than --rate says', async () => {
    const { exit, lines } = await runExample(main, { args: ['--limit', '4000', '--rate', '10000'] })

    expect(exit).toBe(0)
    const seconds = /handled in ([\d.]+) s/.exec(lines.join('\n'))?.[1]
    expect(Number(seconds)).toBeGreaterThanOrEqual(0.4)
  })
})

describe('parseOptions', () => {
  it.each([[['--fast']], [['here']], [['--limit', 'many']], [['--rate', '0']], [['--file']]])(
    'refuses %s',
    args => {
      expect(() => parseOptions(args)).toThrow(/^.+$/)
    },
  )

  it('reads the whole file, as quickly as it goes, unless it is told otherwise', () => {
    expect(parseOptions([])).toMatchObject({ help: false, limit: undefined, rate: undefined })
    expect(parseOptions(['--limit', '10', '--rate', '5'])).toMatchObject({ limit: 10, rate: 5 })
  })
})

describe('differences', () => {
  it('names every total that is not as it should be', () => {
    const expected = {
      airports: new Map([
        ['ATL', { flights: 2, delay: 70, longDelays: 1 }],
        ['JFK', { flights: 1, delay: -3, longDelays: 0 }],
      ]),
      groups: { archive: 3 },
    }
    const actual = {
      airports: new Map([['ATL', { flights: 2, delay: 71, longDelays: 1 }]]),
      groups: { archive: 2 },
    }

    expect(differences(expected, expected)).toEqual([])
    expect(differences(expected, actual)).toEqual([
      'records of group archive: expected 3, counted 2',
      'minutes of delay from ATL: expected 70, counted 71',
      'flights from JFK: expected 1, counted none',
      'minutes of delay from JFK: expected -3, counted none',
      'long delays from JFK: expected 0, counted none',
    ])
  })
})

describe('Screen', () => {
  class Terminal {
    readonly isTTY = true
    readonly columns = 60
    text = ''
    hasColors = () => true
    write(text: string): boolean {
      this.text += text
      return true
    }
  }

  it('rewrites the lines of progress of a terminal, and writes above them what happens', () => {
    const terminal = new Terminal()
    const screen = new Screen(terminal as unknown as NodeJS.WriteStream, () => [
      { name: 'archive', count: 1500, total: 3000, note: 'a note that is too long for the width of a line' },
    ])
    screen.event('one joins')
    screen.event('one leaves')
    screen.stop()

    const bar = `${'█'.repeat(12)}${'░'.repeat(12)}`
    const progress = `\narchive     ${bar}      1,500  a note tha\n`
    const wipe = '\u001b[2A\u001b[1G\u001b[0J'
    const cyan = (text: string) => `\u001b[36m${text}\u001b[39m\n`
    expect(terminal.text).toBe(
      cyan('one joins') + progress + wipe + cyan('one leaves') + progress + wipe + progress,
    )
  })
})
