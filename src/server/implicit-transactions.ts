import type { Handler } from './handler.ts'
import type { RequestOf } from './protocol/message.ts'
import type { produce } from './protocol/messages/produce.ts'
import type { Wire } from './wire.ts'
import type { ProducerIdentity } from './wire-transactions.ts'

/** From this version on a producer writes without saying before where it will (KIP-890). */
const implicitSince = 12

// Where a record batch says whether it is of a transaction, and whose.
const attributesAt = 21
const transactional = 16
const producerIdAt = 43
const producerEpochAt = 51
const headerBytes = 61

/**
 * A Produce whose producer has no transaction open begins one. What cannot begin is left to the handler, which finds none and
 * says why.
 */
export function withImplicitTransactions(wire: Wire, handler: Handler): Handler {
  return {
    api: handler.api,
    handle(request, context) {
      const { transactionalId, topicData } = request as RequestOf<typeof produce>
      if (transactionalId !== null && context.version >= implicitSince) {
        for (const { partitionData } of topicData) {
          for (const { records } of partitionData) begin(wire, transactionalId, records)
        }
      }
      return handler.handle(request, context)
    },
  }
}

function begin(wire: Wire, transactionalId: string, records: Buffer | null): void {
  const identity = identityIn(records)
  if (identity !== undefined) wire.transactions.begin(transactionalId, identity)
}

function identityIn(records: Buffer | null): ProducerIdentity | undefined {
  if (records === null || records.length < headerBytes) return undefined
  if ((records.readInt16BE(attributesAt) & transactional) === 0) return undefined
  return {
    producerId: Number(records.readBigInt64BE(producerIdAt)),
    producerEpoch: records.readInt16BE(producerEpochAt),
  }
}
