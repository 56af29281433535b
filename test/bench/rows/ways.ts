import type { Peer } from '../peer.ts'
import { eventsOn, itPushable } from '../peers/iterators.ts'
import { pushAndAwait } from '../peers/loops.ts'
import { fastQueueOfTen, pQueueOfTen } from '../peers/queues.ts'
import type { Row } from '../row.ts'
import { deliveryRow } from './end-to-end.ts'
import type { readers } from './readers.ts'

function way(name: string, what: string, reader: keyof typeof readers, others: readonly Peer[]): Row {
  return deliveryRow(
    { name, section: 'ways', what, peers: [pushAndAwait, ...others] },
    { sender: 'batch', reader },
  )
}

const iterators = [eventsOn, itPushable]
const queues = [fastQueueOfTen, pQueueOfTen]

export const ways: readonly Row[] = [
  way('for-await', '`for await` over records', 'forAwait', iterators),
  way('batches', '`for await` over `batches()`', 'batches', iterators),
  way('poll', '`poll` in a loop', 'poll', iterators),
  way('each-batch', '`eachBatch`', 'eachBatch', []),
  way('concurrent', 'ten handlers at once, in the order of the partition', 'concurrent', queues),
  way('by-key', 'ten handlers at once, in the order of the key', 'byKey', queues),
]
