import { api } from '../message.ts'
import { field, struct } from '../struct.ts'
import { array, int8, int16, int32, nullable, string } from '../type.ts'

export const electLeaders = api(
  'ElectLeaders',
  { key: 43, versions: [0, 2], flexible: 2 },
  {
    electionType: field(int8, { since: 1 }),
    topicPartitions: nullable(
      array(
        struct({
          topic: string,
          partitions: array(int32),
        }),
      ),
    ),
    timeoutMs: field(int32, {}, 60000),
  },
  {
    throttleTimeMs: int32,
    errorCode: field(int16, { since: 1 }),
    replicaElectionResults: array(
      struct({
        topic: string,
        partitionResult: array(
          struct({
            partitionId: int32,
            errorCode: int16,
            errorMessage: nullable(string),
          }),
        ),
      }),
    ),
  },
)
