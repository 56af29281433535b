import type { SlowWork, Work } from './measure.ts'
import type { Messages, Sink } from './orders.ts'

/** The number of records between two waits of a sender. */
export const batchSize = 100

/** What a peer delivers, and where to. */
export interface Delivery {
  readonly sink: Sink
  readonly listeners: number
  readonly messages: Messages
}

/** Something that one would use without brokerlet. */
export interface Peer {
  readonly name: string
  start(delivery: Delivery): Work | SlowWork
}

export const resolved = Promise.resolve()

/** A sender that sends batches of records, and after each waits for what `send` returns, or a moment. */
export function inBatches(send: (from: number, to: number) => Promise<unknown> | undefined): Work {
  return async records => {
    for (let from = 0; from < records; from += batchSize)
      await (send(from, Math.min(from + batchSize, records)) ?? resolved)
  }
}

/** Starts all peers for the same delivery, by name. */
export function startAll(
  peers: readonly Peer[],
  delivery: Delivery,
): Readonly<Record<string, Work | SlowWork>> {
  return Object.fromEntries(peers.map(peer => [peer.name, peer.start(delivery)]))
}
