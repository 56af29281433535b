/**
 * The main job: real US flight records, keyed by origin airport, go through a topic of 12 partitions to
 * three groups, one of which feeds a fourth. Meanwhile a consumer fails and another one joins. At the end,
 * every total must match the file.
 */
import type { PubSub } from 'brokerlet'
import { Counts, groupIds } from './counts.ts'
import { differences, expectedTotals } from './expected.ts'
import { FlightFile } from './flight-file.ts'
import { InProcess } from './in-process.ts'
import { OnKafka } from './on-kafka.ts'
import { type Options, parseOptions, UsageError, usage } from './options.ts'
import { Readers } from './readers.ts'
import { formatGroups, formatRate, formatWorst } from './report.ts'
import { formatCount, plural, Screen } from './screen.ts'
import { sendFlights } from './source.ts'
import type { FlightTopics } from './topics.ts'

const batchSize = 1000

async function main(options: Options): Promise<boolean> {
  const file = await FlightFile.open(options.file, options.limit)
  const counts = new Counts()
  const place = options.kafka === undefined ? new InProcess() : await OnKafka.connect(options.kafka)
  const screen = new Screen(process.stdout, () => counts.progress(file.count))
  const unwatch = place instanceof InProcess ? place.watch(counts, screen) : undefined
  // A topic in memory keeps only the newest records, so the sender waits for the readers. A cluster keeps all records.
  const readers = place instanceof InProcess ? groupIds : []
  try {
    screen.event(
      `${formatCount(file.count)} flights, a topic of 12 partitions, three groups and one for the alerts`,
    )
    const started = performance.now()
    await send(place.pubsub, file, counts, screen, { readers, rate: options.rate })
    await place.idle(counts)
    const seconds = (performance.now() - started) / 1000
    screen.stop()
    console.log(`\n${formatWorst(counts)}\n\n${formatGroups(counts)}\n\n${formatRate(counts, seconds)}`)
  } finally {
    screen.stop()
    unwatch?.()
    await place.close()
  }
  return check(file, counts)
}

async function send(
  pubsub: PubSub<FlightTopics>,
  file: FlightFile,
  counts: Counts,
  screen: Screen,
  pace: { readonly readers: readonly string[]; readonly rate: number | undefined },
): Promise<void> {
  const readers = new Readers(pubsub, counts, text => screen.event(text, 'yellow'))
  await readers.start()
  const happenings = [
    { at: file.count * 0.35, happens: () => readers.breakOne() },
    { at: file.count * 0.7, happens: () => readers.addOne() },
  ]
  await sendFlights(pubsub, file.batches(batchSize), {
    ...pace,
    onSent: async (flights, last) => {
      counts.sent = flights
      counts.date = new Date(last.departedAt).toISOString().slice(0, 10)
      while (happenings[0] && happenings[0].at <= flights) await happenings.shift()!.happens()
    },
  })
}

/** Whether every total matches the file. */
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
  process.exitCode = error instanceof UsageError ? 2 : 1
}
