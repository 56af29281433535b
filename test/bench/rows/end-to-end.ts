import { compare, type Work } from '../measure.ts'
import {
  type MakeMessage,
  type Messages,
  messages,
  type OrderBroker,
  type OrderMessage,
  orderBroker,
  Sink,
} from '../orders.ts'
import { inBatches, type Peer, startAll } from '../peer.ts'
import { bareLog } from '../peers/bare-log.ts'
import { emittery, eventEmitter3, nodeEmitter } from '../peers/emitters.ts'
import { eventsOn, itPushable } from '../peers/iterators.ts'
import { pushAndAwait, pushAndLoop } from '../peers/loops.ts'
import { fastQueue, pQueue } from '../peers/queues.ts'
import { rxConcatMap, rxSubject } from '../peers/rxjs.ts'
import type { Row } from '../row.ts'
import { readers } from './readers.ts'

/** Sends the records from one number up to, but not including, another. */
type SendBatch = (from: number, to: number) => Promise<unknown> | undefined

/** Batches of keyed records: by one `sendBatch`, or by single `send` calls of which the last is awaited. */
const senders = {
  batch: (broker: OrderBroker, make: MakeMessage): SendBatch => {
    const producer = broker.producer()
    return (from, to) => {
      const batch: OrderMessage[] = []
      for (let i = from; i < to; i++) batch.push(make(i))
      return producer.sendBatch(batch)
    }
  },
  sends: (broker: OrderBroker, make: MakeMessage): SendBatch => {
    const producer = broker.producer()
    return (from, to) => {
      let last: Promise<unknown> | undefined
      for (let i = from; i < to; i++) last = producer.send(make(i))
      return last
    }
  },
}

export interface DeliveryOptions {
  readonly sender: keyof typeof senders
  readonly reader: keyof typeof readers
  /** Whether the sender waits until a batch is taken. Default: true, but for synchronous handlers. */
  readonly waits?: boolean
  /** Default: 1. */
  readonly groups?: number
  /** Default: 12. */
  readonly partitions?: number
  /** Default: the broker's own. */
  readonly maxRecords?: number
  /** Default: small objects. */
  readonly messages?: Messages
}

/** A broker with a number of groups of one consumer each, and a sender to all of them. */
export async function startDelivery(options: DeliveryOptions) {
  const { sender, reader, groups = 1, partitions = 12, maxRecords, messages: made = messages } = options
  const { waits = reader !== 'sync' } = options
  const broker = orderBroker({ partitions, ...(maxRecords !== undefined && { maxRecords }) })
  const send = senders[sender](broker, made.kept)
  const sink = new Sink()
  for (let group = 0; group < groups; group++) {
    const consumer = broker.consumer({ groupId: `group-${group}`, topics: ['orders'] })
    await readers[reader](consumer, sink)
  }
  const work = waits ? waiting(send, sink, groups) : running(send, sink, groups)
  return { work, close: () => broker.close() }
}

/** A sender that waits until each batch is taken. */
function waiting(send: SendBatch, sink: Sink, groups: number): Work {
  return inBatches(async (from, to) => {
    const taken = sink.expect((to - from) * groups)
    await send(from, to)
    await taken
  })
}

/** A sender that waits only for its sends, and in the end for the last record. */
function running(send: SendBatch, sink: Sink, groups: number): Work {
  const sending = inBatches(send)
  return async records => {
    const delivered = sink.expect(records * groups)
    await sending(records)
    await delivered
  }
}

type Description = Pick<Row, 'name' | 'section' | 'what' | 'targets'> & {
  /** The share of a round's records to use, where there are many groups. Default: 1. */
  readonly share?: number
  readonly peers: readonly Peer[]
}

/** A row that delivers records, beside peers that deliver the same. */
export function deliveryRow({ share = 1, peers, ...row }: Description, options: DeliveryOptions): Row {
  return {
    ...row,
    unit: 'ns/record',
    async measure(scale) {
      const { work, close } = await startDelivery(options)
      const { groups: listeners = 1, messages: made = messages } = options
      const theirs = startAll(peers, { sink: new Sink(), listeners, messages: made })
      const figures = await compare({ ...scale, records: scale.records * share }, work, theirs)
      await close()
      return figures
    },
  }
}

const toSync = (log: Peer): readonly Peer[] => [pushAndLoop, log, eventEmitter3, nodeEmitter, rxSubject]
const toAsync = (log: Peer): readonly Peer[] => [
  pushAndAwait,
  log,
  eventEmitter3,
  eventsOn,
  itPushable,
  rxConcatMap,
  fastQueue,
  pQueue,
  emittery,
]

// An emitter waits for no handler, so it is no yardstick for an asynchronous one, but it is worth a look.
const syncTargets = { eventemitter3: 5, 'rxjs Subject': 1.5 }
const asyncTargets = { 'push and await': 2, 'events.on': 1, 'it-pushable': 1, 'fastq.promise': 1 }

export const endToEnd: readonly Row[] = [
  deliveryRow(
    {
      name: 'sends-sync',
      section: 'sync',
      what: '100 `send`, the last one awaited, synchronous handler',
      targets: syncTargets,
      peers: toSync(bareLog('sends', 'sync')),
    },
    { sender: 'sends', reader: 'sync' },
  ),
  deliveryRow(
    {
      name: 'batch-sync',
      section: 'sync',
      what: '`sendBatch` of 100, synchronous handler',
      targets: syncTargets,
      peers: toSync(bareLog('batch', 'sync')),
    },
    { sender: 'batch', reader: 'sync' },
  ),
  deliveryRow(
    {
      name: 'sends-async',
      section: 'async',
      what: '100 `send`, the last one awaited, asynchronous handler',
      targets: asyncTargets,
      peers: toAsync(bareLog('sends', 'async')),
    },
    { sender: 'sends', reader: 'async' },
  ),
  deliveryRow(
    {
      name: 'batch-async',
      section: 'async',
      what: '`sendBatch` of 100, asynchronous handler',
      targets: asyncTargets,
      peers: toAsync(bareLog('batch', 'async')),
    },
    { sender: 'batch', reader: 'async' },
  ),
  deliveryRow(
    {
      name: 'ahead-async',
      section: 'async',
      what: '100 `send`, of which the last one is awaited and not its handler: a sender that runs ahead',
      peers: [pushAndAwait],
      // The broker keeps a million records, and the unread ones have to fit.
      share: 0.25,
    },
    { sender: 'sends', reader: 'async', waits: false },
  ),
]
