import { compare } from '../measure.ts'
import { messages, Sink } from '../orders.ts'
import { startAll } from '../peer.ts'
import { eventEmitter3, nodeEmitter } from '../peers/emitters.ts'
import { eventsOn } from '../peers/iterators.ts'
import { rxConcatMap, rxSubject } from '../peers/rxjs.ts'
import type { Row } from '../row.ts'
import { deliveryRow, startDelivery } from './end-to-end.ts'

const ten = 'ten groups, ten times the records'

/** A hundred groups may cost no more per group than ten, measured side by side with equal deliveries. */
const hundredGroups: Row = {
  name: 'hundred-groups',
  section: 'groups',
  what: '`sendBatch` of 100 to a hundred groups, synchronous handlers',
  unit: 'ns/record',
  targets: { [ten]: 1 },
  async measure(scale) {
    const hundred = await startDelivery({ sender: 'batch', reader: 'sync', groups: 100 })
    const fewer = await startDelivery({ sender: 'batch', reader: 'sync', groups: 10 })
    const peers = [eventEmitter3, rxSubject]
    const figures = await compare({ ...scale, records: scale.records / 10 }, hundred.work, {
      ...startAll(peers, { sink: new Sink(), listeners: 100, messages }),
      [ten]: records => fewer.work(10 * records),
    })
    await hundred.close()
    await fewer.close()
    return figures
  },
}

export const groups: readonly Row[] = [
  deliveryRow(
    {
      name: 'ten-groups',
      section: 'groups',
      what: '`sendBatch` of 100 to ten groups, synchronous handlers',
      targets: { eventemitter3: 2 },
      peers: [eventEmitter3, nodeEmitter, rxSubject],
    },
    { sender: 'batch', reader: 'sync', groups: 10 },
  ),
  deliveryRow(
    {
      name: 'ten-groups-async',
      section: 'groups',
      what: '`sendBatch` of 100 to ten groups, asynchronous handlers',
      targets: { 'events.on': 0.6 },
      peers: [eventsOn, rxConcatMap],
      share: 0.1,
    },
    { sender: 'batch', reader: 'async', groups: 10 },
  ),
  hundredGroups,
]
