import type { Row } from './row.ts'
import { append } from './rows/append.ts'
import { compactions } from './rows/compaction.ts'
import { drainAsync, drainSync } from './rows/drain.ts'
import { endToEnd } from './rows/end-to-end.ts'
import { heap } from './rows/heap.ts'
import { pressures } from './rows/pressure.ts'
import { rebalance } from './rows/rebalance.ts'
import { send } from './rows/send.ts'
import { transactions } from './rows/transaction.ts'
import { trimmings } from './rows/trimming.ts'

/** Every row, in the order of the table. */
export const rows: readonly Row[] = [
  append,
  send,
  drainSync,
  drainAsync,
  ...endToEnd,
  heap,
  ...trimmings,
  ...compactions,
  ...pressures,
  ...transactions,
  rebalance,
]
