import { apis } from '../../src/server/protocol/apis.ts'
import type { Api } from '../../src/server/protocol/message.ts'
import { subscription } from './consumer-protocol.ts'
import type { WireClient } from './wire-client.ts'

const { consumerGroupHeartbeat } = apis as unknown as Readonly<Record<string, Api>>

/** KIP-848 members of the group 'g', which subscribe to 'orders'. */
export function consumerMembers(client: WireClient) {
  const beat = (memberId: string, memberEpoch: number, more: object = {}) =>
    client.call(consumerGroupHeartbeat!, 1, { groupId: 'g', memberId, memberEpoch, ...more })
  const join = (memberId: string, more: object = {}) =>
    beat(memberId, 0, {
      rebalanceTimeoutMs: 60_000,
      subscribedTopicNames: ['orders'],
      topicPartitions: [],
      ...more,
    })
  return { beat, join }
}

/** A JoinGroup of a classic member of the group 'g', which subscribes to 'orders'. */
export function classicJoin(more: object = {}): object {
  return {
    groupId: 'g',
    memberId: '',
    sessionTimeoutMs: 30_000,
    rebalanceTimeoutMs: 30_000,
    protocolType: 'consumer',
    protocols: [{ name: 'range', metadata: subscription(['orders']) }],
    ...more,
  }
}

/** A Fetch of 'orders' from an offset on, which does not wait. */
export function fetchOf(fetchOffset: number): object {
  return {
    maxWaitMs: 0,
    minBytes: 0,
    maxBytes: 1000,
    sessionId: 0,
    sessionEpoch: -1,
    topics: [{ topic: 'orders', partitions: [{ partition: 0, fetchOffset, partitionMaxBytes: 1000 }] }],
  }
}
