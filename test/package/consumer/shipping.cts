import type { PubSub, TopicDefinition } from 'brokerlet'
import { assertProcessed } from 'brokerlet/testing'

export async function startShipping(bus: PubSub<{ payments: TopicDefinition<{ orderId: string }> }>) {
  await bus
    .consumer({ groupId: 'shipping', topics: ['payments'] })
    .run({ eachRecord: ({ value }) => void value.orderId.length })
}

export const hasShipped: typeof assertProcessed = assertProcessed
