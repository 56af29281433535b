import { api } from '../message.ts'
import { field, struct } from '../struct.ts'
import { array, bool, int16, int32, int64, string } from '../type.ts'

const addPartitionsToTxnTopic = struct({
  name: string,
  partitions: array(int32),
})

const addPartitionsToTxnPartitionResult = struct({
  partitionIndex: int32,
  partitionErrorCode: int16,
})

const addPartitionsToTxnTopicResult = struct({
  name: string,
  resultsByPartition: array(addPartitionsToTxnPartitionResult),
})

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
          topics: array(addPartitionsToTxnTopic),
        }),
      ),
      { since: 4 },
    ),
    v3AndBelowTransactionalId: field(string, { until: 3 }),
    v3AndBelowProducerId: field(int64, { until: 3 }),
    v3AndBelowProducerEpoch: field(int16, { until: 3 }),
    v3AndBelowTopics: field(array(addPartitionsToTxnTopic), { until: 3 }),
  },
  {
    throttleTimeMs: int32,
    errorCode: field(int16, { since: 4 }),
    resultsByTransaction: field(
      array(
        struct({
          transactionalId: string,
          topicResults: array(addPartitionsToTxnTopicResult),
        }),
      ),
      { since: 4 },
    ),
    resultsByTopicV3AndBelow: field(array(addPartitionsToTxnTopicResult), { until: 3 }),
  },
)
