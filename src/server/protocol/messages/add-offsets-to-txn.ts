import { api } from '../message.ts'
import { int16, int32, int64, string } from '../type.ts'

export const addOffsetsToTxn = api(
  'AddOffsetsToTxn',
  { key: 25, versions: [0, 4], flexible: 3 },
  {
    transactionalId: string,
    producerId: int64,
    producerEpoch: int16,
    groupId: string,
  },
  {
    throttleTimeMs: int32,
    errorCode: int16,
  },
)
