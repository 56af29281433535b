import { EventEmitter, on } from 'node:events'
import { pushable } from 'it-pushable'
import type { OrderMessage, Sink } from '../orders.ts'
import { inBatches, type Peer } from '../peer.ts'

async function readEvents(emitter: EventEmitter, sink: Sink): Promise<void> {
  for await (const [record] of on(emitter, 'orders')) await sink.takeAsync(record)
}

async function readAll(source: AsyncIterable<OrderMessage>, sink: Sink): Promise<void> {
  for await (const record of source) await sink.takeAsync(record)
}

/** Neither peer reports when a record is taken, so the sender waits until the whole batch is. */
export const eventsOn: Peer = {
  name: 'events.on',
  start: ({ sink, listeners, messages: { passed } }) => {
    const emitter = new EventEmitter().setMaxListeners(0)
    for (let i = 0; i < listeners; i++) void readEvents(emitter, sink)
    return inBatches((from, to) => {
      const taken = sink.expect((to - from) * listeners)
      for (let i = from; i < to; i++) emitter.emit('orders', passed(i))
      return taken
    })
  },
}

/** It supports one reader. */
export const itPushable: Peer = {
  name: 'it-pushable',
  start: ({ sink, messages: { passed } }) => {
    const source = pushable<OrderMessage>({ objectMode: true })
    void readAll(source, sink)
    return inBatches((from, to) => {
      const taken = sink.expect(to - from)
      for (let i = from; i < to; i++) source.push(passed(i))
      return taken
    })
  },
}
