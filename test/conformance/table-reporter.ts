import { readFileSync, writeFileSync } from 'node:fs'
import Table from 'cli-table3'
import type { Reporter, TestCase, TestModule, TestSuite } from 'vitest/node'
import { toMarkdown } from '../bench/table.ts'
import { isKafkaInstalled } from '../kafka/real-kafka.ts'

interface Count {
  passed: number
  skipped: number
  failed: number
}

// What an engine is compared with comes before it.
const onKafka = 'connect, to Apache Kafka'
const order = ['in this process', 'connect, to serve', onKafka]

/** Prints what the suite came to: areas by engines, and why a test was skipped on one. */
export class TableReporter implements Reporter {
  readonly #counts = new Map<string, Map<string, Count>>()
  readonly #skips: string[] = []

  onTestRunEnd(modules: readonly TestModule[]): void {
    for (const module of modules) for (const test of module.children.allTests()) this.#add(test)
    const engines = [...this.#counts.keys()].sort((a, b) => order.indexOf(a) - order.indexOf(b))
    const areas = [...new Set([...this.#counts.values()].flatMap(counts => [...counts.keys()]))]
    const rows = areas.map(area => [area, ...engines.map(engine => this.#text(engine, area))])
    const table = new Table({ head: ['', ...engines], style: { head: [], border: [] } })
    table.push(...rows)
    const page = process.env.CONFORMANCE_TABLE
    if (page !== undefined) writeInto(page, toMarkdown(['', ...engines], rows))
    if (!isKafkaInstalled) this.#skips.push(`${onKafka}: no Java, or no jars (npm run kafka:fetch)`)
    const lines = [table.toString(), ...this.#skips.map(skip => `skipped: ${skip}`)]
    process.stdout.write(`\n${lines.join('\n')}\n`)
  }

  #add(test: TestCase): void {
    const suites: string[] = []
    for (let at = test.parent; at.type === 'suite'; at = (at as TestSuite).parent) {
      if (at.name !== '') suites.unshift(at.name)
    }
    const [engine, area] = suites
    if (engine === undefined || area === undefined) return
    const counts = this.#counts.get(engine) ?? new Map<string, Count>()
    this.#counts.set(engine, counts)
    const count = counts.get(area) ?? { passed: 0, skipped: 0, failed: 0 }
    counts.set(area, count)
    const { state } = test.result()
    if (state === 'skipped') this.#skips.push(`${engine}: ${area}: ${test.name}`)
    count[state === 'pending' ? 'failed' : state]++
  }

  #text(engine: string, area: string): string {
    const count = this.#counts.get(engine)!.get(area)
    if (count === undefined) return ''
    return (['passed', 'skipped', 'failed'] as const)
      .filter(state => count[state] > 0)
      .map(state => `${count[state]} ${state}`)
      .join(', ')
  }
}

const begin = '<!-- what npm run test:conformance came to -->\n'
const end = '<!-- end -->'

// Between two marks of a page, with CONFORMANCE_TABLE=docs/kafka.md.
function writeInto(page: string, table: string): void {
  const text = readFileSync(page, 'utf8')
  const from = text.indexOf(begin)
  const to = text.indexOf(end, from)
  if (from === -1 || to === -1) throw new Error(`${page} has no place for the table`)
  writeFileSync(page, `${text.slice(0, from + begin.length)}${table}\n${text.slice(to)}`)
}
