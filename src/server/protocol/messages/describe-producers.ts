import { api } from '../message.ts'
import { field, struct } from '../struct.ts'
import { array, int16, int32, int64, nullable, string } from '../type.ts'

export const describeProducers = api(
  'DescribeProducers',
  { key: 61, versions: [0, 0], flexible: 0 },
  {
    topics: array(
      struct({
        name: string,
        partitionIndexes: array(int32),
      }),
    ),
  },
  {
    throttleTimeMs: int32,
    topics: array(
      struct({
        name: string,
        partitions: array(
          struct({
            partitionIndex: int32,
            errorCode: int16,
            errorMessage: field(nullable(string), {}, null),
            activeProducers: array(
              struct({
                producerId: int64,
                producerEpoch: int32,
                lastSequence: field(int32, {}, -1),
                lastTimestamp: field(int64, {}, -1),
                coordinatorEpoch: int32,
                currentTxnStartOffset: field(int64, {}, -1),
              }),
            ),
          }),
        ),
      }),
    ),
  },
)
