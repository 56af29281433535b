import { EventEmitter } from 'eventemitter3'
import type { Work } from './measure.ts'
import { message, type OrderMessage, type Sink } from './orders.ts'

/** How many records there are between two waits of a sender. */
export const batchSize = 100

const resolved = Promise.resolve()

/** eventemitter3's `emit`, to so many listeners; the sender waits after each batch, as ours does. */
export function emit(sink: Sink, listeners = 1): Work {
  const emitter = new EventEmitter()
  for (let i = 0; i < listeners; i++) emitter.on('orders', record => sink.take(record))
  return async records => {
    for (let i = 0; i < records; ) {
      for (const end = Math.min(i + batchSize, records); i < end; i++) emitter.emit('orders', message(i))
      await resolved
    }
  }
}

/** A batch pushed into an array, which is then looped over. */
export function pushAndLoop(sink: Sink): Work {
  return async records => {
    for (let i = 0; i < records; ) {
      const batch: OrderMessage[] = []
      for (const end = Math.min(i + batchSize, records); i < end; i++) batch.push(message(i))
      for (const record of batch) sink.take(record)
      await resolved
    }
  }
}

/** A batch pushed into an array, whose records are then awaited one after the other. */
export function pushAndAwait(sink: Sink): Work {
  return async records => {
    for (let i = 0; i < records; ) {
      const batch: OrderMessage[] = []
      for (const end = Math.min(i + batchSize, records); i < end; i++) batch.push(message(i))
      for (const record of batch) await sink.takeAsync(record)
    }
  }
}

/** `await` of an async function that returns an object. */
export const awaitAsync: Work = async records => {
  const answer = async (sent: OrderMessage, offset: number) => ({ topic: sent.topic, partition: 0, offset })
  for (let i = 0; i < records; i++) await answer(message(i), i)
}
