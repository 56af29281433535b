import type { RecordBatchHeader } from '../../src/server/protocol/record-batch.ts'
import { batchesOf } from './golden-exchange.ts'
import type { Exchange } from './recording-proxy.ts'

// What is kept first where several will do.
const orders: readonly ((a: Exchange, b: Exchange) => number)[] = [
  (a, b) => a.request.length + a.response.length - b.request.length - b.response.length,
  (a, b) => b.request.length - a.request.length,
  (a, b) => b.response.length - a.response.length,
]

/**
 * Of each API in each version the smallest exchange, the largest request and the largest answer, and those that carry record batches of a kind that no
 * other one carries.
 */
export function worthKeeping(exchanges: readonly Exchange[]): Exchange[] {
  const kept = new Set<Exchange>()
  for (const order of orders) {
    const seen = new Set<string>()
    for (const exchange of exchanges.toSorted(order)) {
      const pair = pairOf(exchange)
      const kinds = [pair, ...batchesOf(exchange).map(batch => `${pair} ${kindOf(batch)}`)]
      if (kinds.every(kind => seen.has(kind))) continue
      for (const kind of kinds) seen.add(kind)
      kept.add(exchange)
    }
  }
  return [...kept].sort((a, b) => (pairOf(a) < pairOf(b) ? -1 : 1))
}

function pairOf({ request }: Exchange): string {
  return [0, 2].map(at => String(request.readInt16BE(at)).padStart(4)).join()
}

function kindOf({
  compression,
  transactional,
  control,
  producerId,
  timestampType,
}: RecordBatchHeader): string {
  return [compression, transactional, control, producerId >= 0, timestampType].join()
}
