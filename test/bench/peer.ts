import type { SlowWork, Work } from './measure.ts'
import type { Messages, Sink } from './orders.ts'

/** How many records there are between two waits of a sender. */
export const batchSize = 100

/** What a peer is to deliver, and where to. */
export interface Delivery {
  readonly sink: Sink
  readonly listeners: number
  readonly messages: Messages
}

/** What one would use without brokerlet. */
export interface Peer {
  readonly name: string
  start(delivery: Delivery): Work | SlowWork
}

export const resolved = Promise.resolve()

/** A sender that waits after each batch of records, from one to before another: for what sending it gives, or a moment. */
export function inBatches(send: (from: number, to: number) => Promise<unknown> | undefined): Work {
  return async records => {
    for (let from = 0; from < records; from += batchSize)
      await (send(from, Math.min(from + batchSize, records)) ?? resolved)
  }
}

/** By their names, each started for the same delivery. */
export function startAll(
  peers: readonly Peer[],
  delivery: Delivery,
): Readonly<Record<string, Work | SlowWork>> {
  return Object.fromEntries(peers.map(peer => [peer.name, peer.start(delivery)]))
}
