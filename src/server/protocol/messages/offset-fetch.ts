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
            name: field(string, { until: 7 }),
            partitionIndexes: field(array(int32), { until: 7 }),
          }),
        ),
        2,
      ),
      { until: 7 },
    ),
    groups: field(
      array(
        struct({
          groupId: field(string, { since: 8 }),
          memberId: field(nullable(string, 9), { since: 9 }, null),
          memberEpoch: field(int32, { since: 9 }, -1),
          topics: field(
            nullable(
              array(
                struct({
                  name: field(string, { since: 8, until: 9 }),
                  topicId: field(uuid, { since: 10 }),
                  partitionIndexes: field(array(int32), { since: 8 }),
                }),
              ),
              8,
            ),
            { since: 8 },
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
          name: field(string, { until: 7 }),
          partitions: field(
            array(
              struct({
                partitionIndex: field(int32, { until: 7 }),
                committedOffset: field(int64, { until: 7 }),
                committedLeaderEpoch: field(int32, { since: 5, until: 7 }, -1),
                metadata: field(nullable(string), { until: 7 }),
                errorCode: field(int16, { until: 7 }),
              }),
            ),
            { until: 7 },
          ),
        }),
      ),
      { until: 7 },
    ),
    errorCode: field(int16, { since: 2, until: 7 }),
    groups: field(
      array(
        struct({
          groupId: field(string, { since: 8 }),
          topics: field(
            array(
              struct({
                name: field(string, { since: 8, until: 9 }),
                topicId: field(uuid, { since: 10 }),
                partitions: field(
                  array(
                    struct({
                      partitionIndex: field(int32, { since: 8 }),
                      committedOffset: field(int64, { since: 8 }),
                      committedLeaderEpoch: field(int32, { since: 8 }, -1),
                      metadata: field(nullable(string, 8), { since: 8 }),
                      errorCode: field(int16, { since: 8 }),
                    }),
                  ),
                  { since: 8 },
                ),
              }),
            ),
            { since: 8 },
          ),
          errorCode: field(int16, { since: 8 }),
        }),
      ),
      { since: 8 },
    ),
  },
)
