import { api } from '../message.ts'
import { field, struct } from '../struct.ts'
import { array, bool, int16, int32, int64, nullable, string } from '../type.ts'

export const describeLogDirs = api(
  'DescribeLogDirs',
  { key: 35, versions: [1, 5], flexible: 2 },
  {
    topics: nullable(
      array(
        struct({
          topic: string,
          partitions: array(int32),
        }),
      ),
    ),
  },
  {
    throttleTimeMs: int32,
    errorCode: field(int16, { since: 3 }),
    results: array(
      struct({
        errorCode: int16,
        logDir: string,
        topics: array(
          struct({
            name: string,
            partitions: array(
              struct({
                partitionIndex: int32,
                partitionSize: int64,
                offsetLag: int64,
                isFutureKey: bool,
              }),
            ),
          }),
        ),
        totalBytes: field(int64, { since: 4 }, -1),
        usableBytes: field(int64, { since: 4 }, -1),
        isCordoned: field(bool, { since: 5 }),
      }),
    ),
  },
)
