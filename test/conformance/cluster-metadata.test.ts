import { expect, it } from 'vitest'
import { errnos } from '../../src/error-codes.ts'
import { ClusterMetadata, withTopics } from '../../src/kafka/cluster-metadata.ts'
import type { MetadataResponse } from '../../src/kafka/library-messages.ts'
import { mostComplete } from '../../src/kafka/most-complete.ts'
import { Serde } from '../../src/serde.ts'

const topicOf = (name: string, partitions: number): MetadataResponse['topics'][number] => ({
  errorCode: partitions > 0 ? 0 : errnos.UNKNOWN_TOPIC_OR_PARTITION,
  name,
  // In these tests a topic that is made anew gets ten partitions or more.
  topicId: `id of ${name}${partitions < 10 ? '' : ', made anew'}`,
  isInternal: false,
  partitions: Array.from({ length: partitions }, (_, partitionIndex) => ({
    partitionIndex,
    leaderId: 1,
    leaderEpoch: 0,
  })),
})

/** A broker's answer: how many partitions each topic has, where 0 is a topic that it does not know. */
function answerOf(partitions: Readonly<Record<string, number>>): MetadataResponse {
  const topics = Object.entries(partitions).map(([name, count]) => topicOf(name, count))
  return { clusterId: 'here', brokers: [{ nodeId: 1, host: 'localhost', port: 9092 }], topics }
}

/** What is known once three brokers have answered: the partitions of each topic. */
async function known(
  before: Readonly<Record<string, number>>,
  missed: { readonly topic: string; readonly partition: number }[],
  ...answers: Readonly<Record<string, number>>[]
) {
  const metadata = new ClusterMetadata(name => new Serde(name, {}, { servers: 0 }))
  metadata.keep(answerOf(before), null)
  let asked = 0
  const ask = async (heard: Set<string>) => {
    heard.add(`broker-${asked}`)
    return answerOf(answers[asked++]!)
  }
  const lacking = (answer: MetadataResponse) => metadata.lacking(answer, missed, null)
  metadata.keep(await mostComplete({ ask, lacking, completed: withTopics }), null)
  return Object.fromEntries([...metadata.topics.values()].map(each => [each.name, each.partitionCount]))
}

it('a topic is gone only where three brokers say so, also beside others', async () => {
  const before = { gone: 1, fresh: 1 }
  const late = { gone: 1, fresh: 0 }
  const now = { gone: 0, fresh: 1 }
  expect(await known(before, [], now, now, late)).toEqual(before)
  expect(await known(before, [], now, late, now)).toEqual(before)
  expect(await known(before, [], now, now, now)).toEqual({ fresh: 1 })
})

// Its readers would lose it, and begin at its beginning once more.
it('a topic that was made anew is not taken for the former one where a broker still knows that', async () => {
  const [former, anew] = [{ orders: 1 }, { orders: 10 }]
  expect(await known(anew, [], former, anew, former)).toEqual(anew)
  expect(await known(anew, [], former, former, anew)).toEqual(anew)
  expect(await known(former, [], anew, anew, anew)).toEqual(anew)
})

it('of a topic that has grown the broker is believed that knows the partition which is missed', async () => {
  const missed = [
    { topic: 'grown', partition: 2 },
    { topic: 'nowhere', partition: 0 },
  ]
  const [late, now] = [
    { grown: 2, nowhere: 0 },
    { grown: 3, nowhere: 0 },
  ]
  expect(await known({}, missed, late, now, late)).toEqual({ grown: 3 })
})

it('what was not asked for stays as it was, and an answer does not lack it', () => {
  const metadata = new ClusterMetadata(name => new Serde(name, {}, { servers: 0 }))
  const counts = () => [...metadata.topics.values()].map(each => [each.name, each.partitionCount])
  metadata.keep(answerOf({ other: 1, grown: 1 }), null)
  const asked = new Set(['grown'])
  expect(metadata.lacking(answerOf({}), [], asked)).toEqual(asked)
  metadata.keep(answerOf({ grown: 2 }), asked)
  expect(counts()).toEqual([
    ['other', 1],
    ['grown', 2],
  ])
  expect(metadata.nameOf('id of grown')).toBe('grown')
  metadata.keep(answerOf({ grown: 0 }), asked)
  expect(counts()).toEqual([['other', 1]])
  expect(metadata.nameOf('id of grown')).toBeUndefined()
})
