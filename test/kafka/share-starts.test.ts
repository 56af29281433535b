import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { KafkaAndServed } from './kafka-and-served.ts'
import { isKafkaInstalled } from './real-kafka.ts'
import { ShareConversation } from './share-conversation.ts'

const accept = 1
const latest = { 'share.auto.offset.reset': 'latest' }

const conversations: Readonly<Record<string, (t: ShareConversation) => Promise<void>>> = {
  'reads a topic that grows': async t => {
    await t.begin(latest)
    await t.grow(3)
    for (const partition of [1, 2]) await t.produce([['a', '1']], partition)
    await t.assigned(3)
    for (const partition of [1, 2]) await t.finish(1, accept, partition)
  },
  'had the start of one partition set': async t => {
    await t.prepare(latest, 2)
    for (const partition of [0, 1])
      await t.produce(
        [
          ['a', '1'],
          ['b', '2'],
        ],
        partition,
      )
    await t.setStart(0, 1)
    await t.assigned(2)
    await t.finish(1, accept, 0)
    await t.finish(2, accept, 1)
  },
}

describe.skipIf(!isKafkaInstalled)('a real Kafka and a served broker begin with the same records', () => {
  const kafkaAndServed = new KafkaAndServed()
  beforeAll(async () => {
    const properties = { 'auto.create.topics.enable': 'false', 'group.share.assignment.interval.ms': 0 }
    await kafkaAndServed.start({ broker: { autoCreateTopics: false }, properties })
    // The first to ask makes Kafka create its topic of groups.
    await kafkaAndServed.ask('findCoordinator', 4, { keyType: 0, coordinatorKeys: ['first'] })
  })
  afterAll(() => kafkaAndServed.close())

  it.each(Object.keys(conversations))('for a share group that %s', async what => {
    const [real, served] = await kafkaAndServed.each(async (_, connect) => {
      const conversation = new ShareConversation(connect(), what.replaceAll(' ', '-'))
      await conversations[what]!(conversation)
      return conversation.told
    })
    expect(served).toEqual(real)
  })
})
