import { api } from '../message.ts'
import { field, struct } from '../struct.ts'
import { array, int16, int32, int64, nullable, records, string, uuid } from '../type.ts'

export const produce = api(
  'Produce',
  { key: 0, versions: [3, 13], flexible: 9 },
  {
    transactionalId: field(nullable(string), {}, null),
    acks: int16,
    timeoutMs: int32,
    topicData: array(
      struct({
        name: field(string, { until: 12 }),
        topicId: field(uuid, { since: 13 }),
        partitionData: array(
          struct({
            index: int32,
            records: records,
          }),
        ),
      }),
    ),
  },
  {
    responses: array(
      struct({
        name: field(string, { until: 12 }),
        topicId: field(uuid, { since: 13 }),
        partitionResponses: array(
          struct({
            index: int32,
            errorCode: int16,
            baseOffset: int64,
            logAppendTimeMs: field(int64, {}, -1),
            logStartOffset: field(int64, { since: 5 }, -1),
            recordErrors: field(
              array(
                struct({
                  batchIndex: int32,
                  batchIndexErrorMessage: field(nullable(string), {}, null),
                }),
              ),
              { since: 8 },
            ),
            errorMessage: field(nullable(string), { since: 8 }, null),
            currentLeader: field(
              struct({
                leaderId: field(int32, {}, -1),
                leaderEpoch: field(int32, {}, -1),
              }),
              { since: 10, tag: 0 },
            ),
          }),
        ),
      }),
    ),
    throttleTimeMs: int32,
    nodeEndpoints: field(
      array(
        struct({
          nodeId: int32,
          host: string,
          port: int32,
          rack: field(nullable(string), {}, null),
        }),
      ),
      { since: 10, tag: 0 },
    ),
  },
)
