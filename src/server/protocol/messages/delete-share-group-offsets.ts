import { api } from '../message.ts'
import { field, struct } from '../struct.ts'
import { array, int16, int32, nullable, string, uuid } from '../type.ts'

export const deleteShareGroupOffsets = api(
  'DeleteShareGroupOffsets',
  { key: 92, versions: [0, 0], flexible: 0 },
  {
    groupId: string,
    topics: array(
      struct({
        topicName: string,
      }),
    ),
  },
  {
    throttleTimeMs: int32,
    errorCode: int16,
    errorMessage: field(nullable(string), {}, null),
    responses: array(
      struct({
        topicName: string,
        topicId: uuid,
        errorCode: int16,
        errorMessage: field(nullable(string), {}, null),
      }),
    ),
  },
)
