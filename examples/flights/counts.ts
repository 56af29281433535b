import type { DeskTally } from './alerts.ts'
import type { Totals } from './expected.ts'
import { type Progress, plural } from './screen.ts'
import { DelayTable } from './statistics.ts'

/** The groups, in the order in which they are shown. */
export const groupIds = ['statistics', 'alerts', 'alert-desk', 'archive'] as const

/** What every group has counted so far. */
export class Counts {
  /** How many flights were sent, and the day of the last one. */
  sent = 0
  date = ''
  readonly table = new DelayTable()
  readonly alerts = { flights: 0 }
  readonly desk: DeskTally = { alerts: 0, longest: undefined }
  readonly archive = { flights: 0 }
  readonly #members: Record<string, number> = {}
  readonly #moved: Record<string, number> = {}

  rebalanced({ groupId, members, moved }: { groupId: string; members: number; moved: number }): void {
    this.#members[groupId] = members
    this.#moved[groupId] = (this.#moved[groupId] ?? 0) + moved
  }

  /** By group: its consumers, the records that they handled, and the partitions that moved between them. */
  get groups(): readonly { group: string; consumers: number; records: number; moved: number }[] {
    const records = {
      statistics: this.table.flights,
      alerts: this.alerts.flights,
      'alert-desk': this.desk.alerts,
      archive: this.archive.flights,
    }
    return groupIds.map(group => ({
      group,
      consumers: this.#members[group] ?? 0,
      records: records[group],
      moved: this.#moved[group] ?? 0,
    }))
  }

  /** The totals that must match the file. */
  get totals(): Totals {
    const groups = Object.fromEntries(this.groups.map(({ group, records }) => [group, records]))
    return { airports: this.table.airports, groups }
  }

  /** How many of so many flights the sender and each group have handled. */
  progress(flights: number): Progress[] {
    return [
      { name: 'sent', count: this.sent, total: flights, note: this.date },
      ...this.groups.map(({ group, consumers, records }) => ({
        name: group,
        count: records,
        // The number of alerts is known only at the end.
        total: group === 'alert-desk' ? undefined : flights,
        note: plural(consumers, 'consumer'),
      })),
    ]
  }
}
