import { api } from '../message.ts'
import { field, struct } from '../struct.ts'
import { array, int16, int32, nullable, string, uuid } from '../type.ts'

export const deleteTopics = api(
  'DeleteTopics',
  { key: 20, versions: [1, 6], flexible: 4 },
  {
    topics: field(
      array(
        struct({
          name: field(nullable(string), {}, null),
          topicId: uuid,
        }),
      ),
      { since: 6 },
    ),
    topicNames: field(array(string), { until: 5 }),
    timeoutMs: int32,
  },
  {
    throttleTimeMs: int32,
    responses: array(
      struct({
        name: nullable(string, 6),
        topicId: field(uuid, { since: 6 }),
        errorCode: int16,
        errorMessage: field(nullable(string), { since: 5 }, null),
      }),
    ),
  },
)
