import { bufferMessages, textMessages } from '../orders.ts'
import { eventEmitter3, nodeEmitter } from '../peers/emitters.ts'
import { pushAndLoop } from '../peers/loops.ts'
import { rxSubject } from '../peers/rxjs.ts'
import type { Row } from '../row.ts'
import { deliveryRow } from './end-to-end.ts'

const peers = [pushAndLoop, eventEmitter3, nodeEmitter, rxSubject]

export const payloads: readonly Row[] = [
  deliveryRow(
    {
      name: 'strings-1k',
      section: 'payloads',
      what: '100 `send` of strings of 1 KiB, the last one awaited, synchronous handler',
      peers,
    },
    { sender: 'sends', reader: 'sync', messages: textMessages },
  ),
  deliveryRow(
    {
      name: 'buffers-100',
      section: 'payloads',
      what: '100 `send` of buffers of 100 bytes, the last one awaited, synchronous handler',
      peers,
    },
    { sender: 'sends', reader: 'sync', messages: bufferMessages },
  ),
]
