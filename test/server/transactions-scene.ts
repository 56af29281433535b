import { afterEach } from 'vitest'
import { topic } from '../../src/index.ts'
import { connect } from '../../src/server/index.ts'
import { apis } from '../../src/server/protocol/apis.ts'
import type { Api } from '../../src/server/protocol/message.ts'
import { readBatches, readRecords } from '../../src/server/protocol/record-batch.ts'
import { TestBroker } from '../../src/testing/index.ts'
import { sequencedBatch, WireClient } from '../helpers/wire-client.ts'

const { initProducerId, produce, fetch, addPartitionsToTxn, addOffsetsToTxn, endTxn } =
  apis as unknown as Readonly<Record<string, Api>>

const brokers: TestBroker<any>[] = []
afterEach(async () => {
  for (const broker of brokers.splice(0)) await broker.close()
})

export interface Identity {
  readonly producerId: number
  readonly producerEpoch: number
}

/** A broker with a topic, and a client that writes to it in transactions under the id 't'. */
export function start(
  options: { readonly transactionalIdExpirationMs?: number } = {},
  wireOptions: { readonly maxTransactionTimeoutMs?: number } = {},
) {
  const broker = new TestBroker({ topics: { orders: topic({ partitions: 1 }) }, ...options })
  brokers.push(broker)
  const client = new WireClient(connect(broker, wireOptions))
  const init = (transactionalId = 't') =>
    client.call(initProducerId!, 4, { transactionalId, transactionTimeoutMs: 10_000 })
  const add = async ({ producerId, producerEpoch }: Identity, name = 'orders', partition = 0) => {
    const answer = await client.call(addPartitionsToTxn!, 3, {
      v3AndBelowTransactionalId: 't',
      v3AndBelowProducerId: producerId,
      v3AndBelowProducerEpoch: producerEpoch,
      v3AndBelowTopics: [{ name, partitions: [partition] }],
    })
    return answer.resultsByTopicV3AndBelow[0].resultsByPartition[0].partitionErrorCode
  }
  const addGroup = async ({ producerId, producerEpoch }: Identity, groupId = 'g') => {
    const asked = { transactionalId: 't', producerId, producerEpoch, groupId }
    return (await client.call(addOffsetsToTxn!, 3, asked)).errorCode
  }
  const send = async ({ producerId, producerEpoch }: Identity, sequence: number, value: number) => {
    const records = [sequencedBatch(producerId, producerEpoch, sequence, [value], 16)]
    const topicData = [{ name: 'orders', partitionData: [{ index: 0, records }] }]
    const answer = await client.call(produce!, 8, {
      transactionalId: 't',
      acks: -1,
      timeoutMs: 1000,
      topicData,
    })
    return answer.responses[0].partitionResponses[0].errorCode
  }
  const end = async (identity: Identity, committed: boolean) => {
    const { producerId, producerEpoch } = identity
    return (await client.call(endTxn!, 3, { transactionalId: 't', producerId, producerEpoch, committed }))
      .errorCode
  }
  const read = async (isolationLevel: 0 | 1) => {
    const partitions = [{ partition: 0, fetchOffset: 0, partitionMaxBytes: 1_000_000 }]
    const topics = [{ topic: 'orders', partitions }]
    const answer = await client.call(fetch!, 11, { maxWaitMs: 0, minBytes: 0, isolationLevel, topics })
    const { records } = answer.responses[0].partitions[0]
    return readBatches(records ?? Buffer.alloc(0))
      .filter(({ control }) => !control)
      .flatMap(batch => readRecords(batch, (_, bytes) => bytes))
      .map(({ value }) => Number(String(value)))
  }
  return { broker, client, init, add, addGroup, send, end, read }
}
