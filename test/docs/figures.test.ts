/** What is said of performance in a sentence is what the tables say. */
import { expect, it } from 'vitest'
import { Page } from './page.ts'

const tables = new Page('docs/performance.md').prose
  .split('\n')
  .filter(line => line.startsWith('| `'))
  .map(line => line.split('|').map(cell => cell.trim()))

/** A figure of a row: the last one in that unit, since the ratio to a yardstick comes before what brokerlet is. */
function figure(row: string, who: string, unit: RegExp): number {
  const line = tables.find(([, name, other]) => name === `\`${row}\`` && other === who)
  const cells = line?.slice(3).filter(cell => unit.test(cell)) ?? []
  return Number.parseFloat(cells.at(-1)?.replaceAll(',', '') ?? '')
}

const nanoseconds = (row: string) => figure(row, 'brokerlet', /^[\d,.]+ ns/)
const times = (row: string, peer: string) => figure(row, peer, /^[\d.]+ times$/)

const round = (value: number, digits: number) => String(Number(value.toFixed(digits)))

/** Figures in one phrase, from the least to the most. */
function span(values: readonly number[], digits: number): string {
  const [least, most] = [Math.min(...values), Math.max(...values)].map(each => round(each, digits))
  return least === most ? least! : `${least} to ${most}`
}

const one = ['sends-sync', 'batch-sync', 'sends-async', 'batch-async', 'for-await', 'batches', 'poll']
const endToEnd = span(
  [...one, 'each-batch', 'ahead-async'].map(row => nanoseconds(row) / 1000),
  1,
)
const emitter = span(
  ['sends-sync', 'batch-sync', 'sends-async', 'batch-async'].map(row => times(row, 'eventemitter3')),
  0,
)
const nats = round(1 / times('nats', 'NATS core'), 0)
const ofKafka = [times('kafkajs', 'Kafka by KafkaJS'), times('platformatic', 'Kafka by @platformatic/kafka')]

it.each([
  [
    'docs/performance.md',
    [
      `a record takes ${endToEnd} µs with \`run\``,
      `and ${round(nanoseconds('send') / 1000, 1)} µs where each send is awaited`,
      `${round(nanoseconds('concurrent') / 1000, 1)} µs with ten handlers at once`,
      `${round(nanoseconds('by-key') / 1000, 1)} µs with ten in the order of keys`,
      `Each further group adds ${round((nanoseconds('ten-groups') - nanoseconds('batch-sync')) / 9000, 1)} µs`,
      `handlers ${round((nanoseconds('ten-groups-async') - nanoseconds('batch-async')) / 9000, 1)} µs`,
      `is ${emitter} times as fast`,
      `a queue of tasks (fastq, one handler) ${span(
        ['sends-async', 'batch-async', 'send'].map(row => times(row, 'fastq.promise')),
        1,
      )} times`,
      `NATS on loopback takes ${nats} times as long`,
      `Redis streams ${round(1 / times('redis', 'Redis streams'), 0)} times`,
      `Apache Kafka ${span(
        ofKafka.map(each => 1 / each),
        0,
      )} times`,
      `takes ${round(figure('heap', 'brokerlet', /^[\d.]+ bytes/), 0)} bytes beside its key and value`,
      `Importing the package takes ${round(figure('import', 'brokerlet', /^[\d.]+ ms/), 0)} ms`,
    ],
  ],
  [
    'README.md',
    [
      `A record takes ${endToEnd} µs end to end`,
      `through NATS on loopback it takes ${nats} times as long`,
      `is ${emitter} times as fast`,
    ],
  ],
])('%s', (file, claims) => {
  const text = new Page(file).prose.replaceAll(/\s+/g, ' ')
  const missing = claims.filter(claim => !text.includes(claim))
  expect(missing, 'the sentences of the page are to say this, since its tables do').toEqual([])
})
