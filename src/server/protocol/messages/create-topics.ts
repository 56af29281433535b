import { api } from '../message.ts'
import { field, struct } from '../struct.ts'
import { array, bool, int8, int16, int32, nullable, string, uuid } from '../type.ts'

export const createTopics = api(
  'CreateTopics',
  { key: 19, versions: [2, 7], flexible: 5 },
  {
    topics: array(
      struct({
        name: string,
        numPartitions: int32,
        replicationFactor: int16,
        assignments: array(
          struct({
            partitionIndex: int32,
            brokerIds: array(int32),
          }),
        ),
        configs: array(
          struct({
            name: string,
            value: nullable(string),
          }),
        ),
      }),
    ),
    timeoutMs: field(int32, {}, 60000),
    validateOnly: bool,
  },
  {
    throttleTimeMs: int32,
    topics: array(
      struct({
        name: string,
        topicId: field(uuid, { since: 7 }),
        errorCode: int16,
        errorMessage: nullable(string),
        topicConfigErrorCode: field(int16, { since: 5, tag: 0 }),
        numPartitions: field(int32, { since: 5 }, -1),
        replicationFactor: field(int16, { since: 5 }, -1),
        configs: field(
          nullable(
            array(
              struct({
                name: string,
                value: nullable(string),
                readOnly: bool,
                configSource: field(int8, {}, -1),
                isSensitive: bool,
              }),
            ),
          ),
          { since: 5 },
        ),
      }),
    ),
  },
)
