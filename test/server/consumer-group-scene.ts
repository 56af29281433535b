import { afterEach } from 'vitest'
import { topic } from '../../src/index.ts'
import { connect, type WireOptions } from '../../src/server/index.ts'
import { apis } from '../../src/server/protocol/apis.ts'
import type { Api } from '../../src/server/protocol/message.ts'
import { TestBroker } from '../../src/testing/index.ts'
import { consumerMembers } from '../helpers/group-requests.ts'
import { WireClient } from '../helpers/wire-client.ts'

const { offsetCommit } = apis as unknown as Readonly<Record<string, Api>>

const brokers: TestBroker<any>[] = []
afterEach(async () => {
  for (const broker of brokers.splice(0)) await broker.close()
})

/** A broker with a topic of four partitions, and clients of KIP-848 in its group 'g'. */
export function start(
  options: WireOptions = {},
  brokerOptions: { readonly autoCreateTopics?: boolean } = {},
) {
  const broker = new TestBroker({ topics: { orders: topic({ partitions: 4 }) }, ...brokerOptions })
  brokers.push(broker)
  const { id } = broker.topic('orders')
  const client = new WireClient(connect(broker, options))
  const { beat, join } = consumerMembers(client)
  const has = (...partitions: number[]) => ({ topicPartitions: [{ topicId: id, partitions }] })
  const commit = (memberId: string, epoch: number, partition: number, offset: number) =>
    client
      .call(offsetCommit!, 9, {
        groupId: 'g',
        memberId,
        generationIdOrMemberEpoch: epoch,
        topics: [
          {
            name: 'orders',
            partitions: [{ partitionIndex: partition, committedOffset: offset, committedMetadata: '' }],
          },
        ],
      })
      .then(answer => answer.topics[0].partitions[0].errorCode)
  const given = (answer: { assignment: { topicPartitions: { partitions: number[] }[] } | null }) =>
    answer.assignment?.topicPartitions.flatMap(({ partitions }) => partitions)
  return { broker, client, beat, join, has, commit, given, id }
}
