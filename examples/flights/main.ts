/**
 * The main job: real US flight records, keyed by origin airport, go through a topic of 12 partitions to three groups,
 * one of which feeds a fourth. Meanwhile a consumer fails and another one joins. At the end every total has to be
 * what the file says.
 */
import { Broker } from 'brokerlet'
import { Counts, groupIds } from './counts.ts'
import { differences, expectedTotals } from './expected.ts'
import { FlightFile } from './flight-file.ts'
import { type Options, parseOptions, usage } from './options.ts'
import { Readers } from './readers.ts'
import { formatGroups, formatRate, formatWorst } from './report.ts'
import { formatCount, plural, Screen } from './screen.ts'
import { sendFlights } from './source.ts'
import { type FlightTopics, topics } from './topics.ts'

const batchSize = 1000

async function main(options: Options): Promise<boolean> {
  const file = await FlightFile.open(options.file, options.limit)
  const broker = new Broker({ topics })
  const counts = new Counts()
  const screen = new Screen(process.stdout, () => counts.progress(file.count))
  const unwatch = watch(broker, counts, screen)
  try {
    screen.event(
      `${formatCount(file.count)} flights, a topic of 12 partitions, three groups and one for the alerts`,
    )
    const seconds = await run(broker, file, counts, screen, options.rate)
    screen.stop()
    console.log(`\n${formatWorst(counts)}\n\n${formatGroups(counts)}\n\n${formatRate(counts, seconds)}`)
  } finally {
    screen.stop()
    unwatch()
    await broker.close({ timeoutMs: 1000 })
  }
  return check(file, counts)
}

function watch(broker: Broker<FlightTopics>, counts: Counts, screen: Screen): () => void {
  const rebalanced = (event: { groupId: string; members: number; moved: number }) => {
    counts.rebalanced(event)
    screen.event(
      `  ${event.groupId}: ${plural(event.members, 'consumer')}, ${plural(event.moved, 'partition')} moved`,
    )
  }
  broker.on('rebalanced', rebalanced)
  broker.on('recordsDropped', ({ topic, partition, from, to }) => {
    screen.event(`  ${topic}-${partition} dropped ${plural(to - from, 'unread record')}`, 'red')
  })
  return () => broker.off('rebalanced', rebalanced)
}

/** Resolves, once everything is handled, to the seconds that it took. */
async function run(
  broker: Broker<FlightTopics>,
  file: FlightFile,
  counts: Counts,
  screen: Screen,
  rate: number | undefined,
): Promise<number> {
  const readers = new Readers(broker, counts, text => screen.event(text, 'yellow'))
  await readers.start()
  const happenings = [
    { at: file.count * 0.35, happens: () => readers.breakOne() },
    { at: file.count * 0.7, happens: () => readers.addOne() },
  ]
  const started = performance.now()
  await sendFlights(broker, file.batches(batchSize), {
    readers: groupIds,
    rate,
    onSent: async (flights, last) => {
      counts.sent = flights
      counts.date = new Date(last.departedAt).toISOString().slice(0, 10)
      while (happenings[0] && happenings[0].at <= flights) await happenings.shift()!.happens()
    },
  })
  await broker.idle({ timeoutMs: 60_000 })
  return (performance.now() - started) / 1000
}

/** Whether every total is what the file says. */
async function check(file: FlightFile, counts: Counts): Promise<boolean> {
  console.log('The same counted straight from the file ...')
  const wrong = differences(await expectedTotals(file), counts.totals)
  if (wrong.length === 0) {
    console.log('... gives the same totals: no flight was lost, and none was counted twice.')
    return true
  }
  console.error(`... differs in ${plural(wrong.length, 'total')}:`)
  for (const line of wrong.slice(0, 20)) console.error(`  ${line}`)
  return false
}

try {
  const options = parseOptions(process.argv.slice(2))
  if (options.help) console.log(usage)
  else if (!(await main(options))) process.exitCode = 1
} catch (error) {
  console.error(`flights: ${error instanceof Error ? error.message : error}`)
  process.exitCode = 1
}
