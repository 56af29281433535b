import { api } from '../message.ts'
import { field, struct } from '../struct.ts'
import { array, bool, int16, int32, int64, string } from '../type.ts'

export const addPartitionsToTxn = api(
  'AddPartitionsToTxn',
  { key: 24, versions: [0, 5], flexible: 3 },
  {
    transactions: field(
      array(
        struct({
          transactionalId: string,
          producerId: int64,
          producerEpoch: int16,
          verifyOnly: bool,
          topics: array(
            struct({
              name: string,
              partitions: array(int32),
            }),
          ),
        }),
      ),
      { since: 4 },
    ),
    v3AndBelowTransactionalId: field(string, { until: 3 }),
    v3AndBelowProducerId: field(int64, { until: 3 }),
    v3AndBelowProducerEpoch: field(int16, { until: 3 }),
    v3AndBelowTopics: field(
      array(
        struct({
          name: string,
          partitions: array(int32),
        }),
      ),
      { until: 3 },
    ),
  },
  {
    throttleTimeMs: int32,
    errorCode: field(int16, { since: 4 }),
    resultsByTransaction: field(
      array(
        struct({
          transactionalId: string,
          topicResults: array(
            struct({
              name: string,
              resultsByPartition: array(
                struct({
                  partitionIndex: int32,
                  partitionErrorCode: int16,
                }),
              ),
            }),
          ),
        }),
      ),
      { since: 4 },
    ),
    resultsByTopicV3AndBelow: field(
      array(
        struct({
          name: string,
          resultsByPartition: array(
            struct({
              partitionIndex: int32,
              partitionErrorCode: int16,
            }),
          ),
        }),
      ),
      { until: 3 },
    ),
  },
)
