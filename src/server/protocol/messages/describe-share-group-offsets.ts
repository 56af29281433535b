import { api } from '../message.ts'
import { field, struct } from '../struct.ts'
import { array, int16, int32, int64, nullable, string, uuid } from '../type.ts'

export const describeShareGroupOffsets = api(
  'DescribeShareGroupOffsets',
  { key: 90, versions: [0, 1], flexible: 0 },
  {
    groups: array(
      struct({
        groupId: string,
        topics: nullable(
          array(
            struct({
              topicName: string,
              partitions: array(int32),
            }),
          ),
        ),
      }),
    ),
  },
  {
    throttleTimeMs: int32,
    groups: array(
      struct({
        groupId: string,
        topics: array(
          struct({
            topicName: string,
            topicId: uuid,
            partitions: array(
              struct({
                partitionIndex: int32,
                startOffset: int64,
                leaderEpoch: int32,
                lag: field(int64, { since: 1 }, -1),
                errorCode: int16,
                errorMessage: field(nullable(string), {}, null),
              }),
            ),
          }),
        ),
        errorCode: int16,
        errorMessage: field(nullable(string), {}, null),
      }),
    ),
  },
)
