import { api } from '../message.ts'
import { field, struct } from '../struct.ts'
import { array, bool, int16, int32, int64, nullable, string, uuid } from '../type.ts'

export const offsetFetch = api(
  'OffsetFetch',
  { key: 9, versions: [1, 10], flexible: 6 },
  {
    groupId: field(string, { until: 7 }),
    topics: field(
      nullable(
        array(
          struct({
            name: string,
            partitionIndexes: array(int32),
          }),
        ),
        2,
      ),
      { until: 7 },
    ),
    groups: field(
      array(
        struct({
          groupId: string,
          memberId: field(nullable(string), { since: 9 }, null),
          memberEpoch: field(int32, { since: 9 }, -1),
          topics: nullable(
            array(
              struct({
                name: field(string, { until: 9 }),
                topicId: field(uuid, { since: 10 }),
                partitionIndexes: array(int32),
              }),
            ),
          ),
        }),
      ),
      { since: 8 },
    ),
    requireStable: field(bool, { since: 7 }),
  },
  {
    throttleTimeMs: field(int32, { since: 3 }),
    topics: field(
      array(
        struct({
          name: string,
          partitions: array(
            struct({
              partitionIndex: int32,
              committedOffset: int64,
              committedLeaderEpoch: field(int32, { since: 5 }, -1),
              metadata: nullable(string),
              errorCode: int16,
            }),
          ),
        }),
      ),
      { until: 7 },
    ),
    errorCode: field(int16, { since: 2, until: 7 }),
    groups: field(
      array(
        struct({
          groupId: string,
          topics: array(
            struct({
              name: field(string, { until: 9 }),
              topicId: field(uuid, { since: 10 }),
              partitions: array(
                struct({
                  partitionIndex: int32,
                  committedOffset: int64,
                  committedLeaderEpoch: field(int32, {}, -1),
                  metadata: nullable(string),
                  errorCode: int16,
                }),
              ),
            }),
          ),
          errorCode: int16,
        }),
      ),
      { since: 8 },
    ),
  },
)
