import Table from 'cli-table3'
import type { Counts } from './counts.ts'
import { formatCount } from './screen.ts'
import { longDelayMinutes } from './topics.ts'

const style = { head: [], border: [], compact: true }

/** The ten airports with the longest delays. */
export function formatWorst({ table, desk }: Counts): string {
  // A tiny airport with a few late flights says little.
  const minFlights = Math.ceil(table.flights / 1000)
  const view = new Table({
    head: ['airport', 'mean delay', `${longDelayMinutes} min or more`, 'flights'],
    colAligns: ['left', 'right', 'right', 'right'],
    style,
  })
  for (const [code, { flights, delay, longDelays }] of table.worst(10, minFlights)) {
    const share = (longDelays / flights) * 100
    view.push([code, `${(delay / flights).toFixed(1)} min`, `${share.toFixed(1)} %`, formatCount(flights)])
  }
  const title = `The ten worst of ${table.airports.size} airports (of those with ${formatCount(minFlights)} flights or more)`
  const late = desk.longest
  const longest =
    late && `The longest delay: ${formatCount(late.delay)} min, from ${late.origin} to ${late.destination}`
  return `${title}\n${view}\n${longest ?? 'No long delays'}`
}

/** What every group has done. */
export function formatGroups({ groups }: Counts): string {
  const view = new Table({
    head: ['group', 'consumers', 'records', 'partitions moved'],
    colAligns: ['left', 'right', 'right', 'right'],
    style,
  })
  for (const { group, consumers, records, moved } of groups)
    view.push([group, consumers, formatCount(records), moved])
  return view.toString()
}

/** How fast the flights were handled. */
export function formatRate({ sent, groups }: Counts, seconds: number): string {
  const handled = groups.reduce((sum, { records }) => sum + records, 0)
  return (
    `${formatCount(sent)} flights sent, ${formatCount(handled)} records handled in ${seconds.toFixed(1)} s, the reading of ` +
    `the file included:\n${formatCount(sent / seconds)} sent and ${formatCount(handled / seconds)} handled per second.`
  )
}
