import type { Work } from '../measure.ts'
import { type OrderMessage, passingMessage } from '../orders.ts'
import { batchSize, type Peer, resolved } from '../peer.ts'

/** A batch pushed into an array, which is then looped over. */
export const pushAndLoop: Peer = {
  name: 'push and loop',
  start: ({ sink, messages: { passed } }) => {
    return async records => {
      for (let i = 0; i < records; ) {
        const batch: OrderMessage[] = []
        for (const end = Math.min(i + batchSize, records); i < end; i++) batch.push(passed(i))
        for (const record of batch) sink.take(record)
        await resolved
      }
    }
  },
}

/** A batch pushed into an array, whose records are then awaited one after the other. */
export const pushAndAwait: Peer = {
  name: 'push and await',
  start: ({ sink, messages: { passed } }) => {
    return async records => {
      for (let i = 0; i < records; ) {
        const batch: OrderMessage[] = []
        for (const end = Math.min(i + batchSize, records); i < end; i++) batch.push(passed(i))
        for (const record of batch) await sink.takeAsync(record)
      }
    }
  },
}

/** `await` of an async function that returns an object. */
export const awaitAsync: Work = async records => {
  const answer = async (sent: OrderMessage, offset: number) => ({ topic: sent.topic, partition: 0, offset })
  for (let i = 0; i < records; i++) await answer(passingMessage(i), i)
}
