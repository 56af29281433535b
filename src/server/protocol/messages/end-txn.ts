import { api } from '../message.ts'
import { field } from '../struct.ts'
import { bool, int16, int32, int64, string } from '../type.ts'

export const endTxn = api(
  'EndTxn',
  { key: 26, versions: [0, 5], flexible: 3 },
  {
    transactionalId: string,
    producerId: int64,
    producerEpoch: int16,
    committed: bool,
  },
  {
    throttleTimeMs: int32,
    errorCode: int16,
    producerId: field(int64, { since: 5 }, -1),
    producerEpoch: field(int16, { since: 5 }, -1),
  },
)
