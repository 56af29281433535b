import { api } from '../message.ts'
import { struct } from '../struct.ts'
import { array, int16, int32, int64, string } from '../type.ts'

export const describeTransactions = api(
  'DescribeTransactions',
  { key: 65, versions: [0, 0], flexible: 0 },
  {
    transactionalIds: array(string),
  },
  {
    throttleTimeMs: int32,
    transactionStates: array(
      struct({
        errorCode: int16,
        transactionalId: string,
        transactionState: string,
        transactionTimeoutMs: int32,
        transactionStartTimeMs: int64,
        producerId: int64,
        producerEpoch: int16,
        topics: array(
          struct({
            topic: string,
            partitions: array(int32),
          }),
        ),
      }),
    ),
  },
)
