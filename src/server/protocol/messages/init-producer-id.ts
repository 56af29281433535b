import { api } from '../message.ts'
import { field } from '../struct.ts'
import { bool, int16, int32, int64, nullable, string } from '../type.ts'

export const initProducerId = api(
  'InitProducerId',
  { key: 22, versions: [0, 6], flexible: 2 },
  {
    transactionalId: nullable(string),
    transactionTimeoutMs: int32,
    producerId: field(int64, { since: 3 }, -1),
    producerEpoch: field(int16, { since: 3 }, -1),
    enable2Pc: field(bool, { since: 6 }),
    keepPreparedTxn: field(bool, { since: 6 }),
  },
  {
    throttleTimeMs: int32,
    errorCode: int16,
    producerId: field(int64, {}, -1),
    producerEpoch: int16,
    ongoingTxnProducerId: field(int64, { since: 6 }, -1),
    ongoingTxnProducerEpoch: field(int16, { since: 6 }, -1),
  },
)
