import type { Row } from './row.ts'
import { append } from './rows/append.ts'
import { send } from './rows/awaited.ts'
import { compactions } from './rows/compaction.ts'
import { drainAsync, drainSync } from './rows/drain.ts'
import { endToEnd } from './rows/end-to-end.ts'
import { groups } from './rows/groups.ts'
import { growths } from './rows/growth.ts'
import { heaps } from './rows/heap.ts'
import { latencies } from './rows/latency.ts'
import { packageRows } from './rows/package.ts'
import { payloads } from './rows/payloads.ts'
import { pressures } from './rows/pressure.ts'
import { rebalance } from './rows/rebalance.ts'
import { serverRows } from './rows/servers.ts'
import { transactions } from './rows/transaction.ts'
import { trimmings } from './rows/trimming.ts'
import { ways } from './rows/ways.ts'

/** Every row, in the order of the table. */
export const rows: readonly Row[] = [
  ...endToEnd,
  ...ways,
  send,
  ...groups,
  ...payloads,
  ...growths,
  ...latencies,
  append,
  drainSync,
  drainAsync,
  ...heaps,
  ...pressures,
  ...trimmings,
  ...compactions,
  ...transactions,
  rebalance,
  ...packageRows,
  ...serverRows,
]
