import { errorCodes } from '../../error-codes.ts'
import { type Handler, handler } from '../handler.ts'
import { initProducerId } from '../protocol/messages/init-producer-id.ts'
import type { Wire } from '../wire.ts'

const lastEpoch = 32_766

/** Producers whose batches are written once and in order. */
export function producerIdHandlers(wire: Wire): Handler[] {
  return [
    handler(initProducerId, ({ transactionalId, producerId, producerEpoch }) => {
      if (transactionalId !== null) return { errorCode: errorCodes.UNSUPPORTED_VERSION.errno }
      // One that has lost count goes on under its next epoch (KIP-360).
      if (producerId >= 0 && producerEpoch >= 0 && producerEpoch < lastEpoch) {
        return { errorCode: 0, producerId, producerEpoch: producerEpoch + 1 }
      }
      return { errorCode: 0, producerId: wire.engine.newProducerId(), producerEpoch: 0 }
    }),
  ]
}
