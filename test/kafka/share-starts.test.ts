import { haveWithBoth, type ShareConversation } from './share-conversation.ts'

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

haveWithBoth(
  'a real Kafka and a served broker begin with the same records',
  'for a share group that',
  conversations,
)
