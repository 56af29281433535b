import { expect, it } from 'vitest'
import { BrokerClock } from '../../src/broker-clock.ts'
import type { Ask } from '../../src/kafka/ask.ts'
import { ClusterMetadata } from '../../src/kafka/cluster-metadata.ts'
import type { MetadataResponse } from '../../src/kafka/library-messages.ts'
import { MetadataReader } from '../../src/kafka/metadata-reader.ts'
import { Serde } from '../../src/serde.ts'
import { VirtualClock } from '../../src/testing/index.ts'

const metadataMaxAgeMs = 1000

/** A reader of one broker that knows every topic, and the topics of each request. */
function scene() {
  const asked: (readonly string[] | null)[] = []
  const time = new VirtualClock()
  const known = new ClusterMetadata(name => new Serde(name, {}, { servers: 0 }))
  const askAny = async ({ request, heard }: Ask<readonly unknown[], unknown>) => {
    const [names] = request() as [readonly string[] | null]
    asked.push(names)
    await new Promise(setImmediate)
    heard!.add('broker')
    const partitions = [{ partitionIndex: 0, leaderId: 1, leaderEpoch: 0 }]
    const topics = (names ?? []).map(name => ({
      ...{ name, topicId: `id of ${name}`, errorCode: 0, isInternal: false, partitions },
    }))
    return { brokers: [{ nodeId: 1, host: 'broker', port: 1 }], clusterId: 'c', topics } as MetadataResponse
  }
  const library = { metadataV12: {} }
  const host = { library, clock: new BrokerClock(time), known, metadataMaxAgeMs, askAny }
  const reader = new MetadataReader(host as never)
  const lookUp = (topic: string) =>
    reader.missing({ topic, partition: 0 }, async () => {
      await reader.idle()
      if (known.topic(topic) === undefined) await reader.lookUp()
    })
  return { asked, time, reader, lookUp }
}

it('asks once for a topic that will be missed, together with another one', async () => {
  const { asked, reader, lookUp } = scene()
  reader.willMiss('soon')
  await lookUp('one')
  await lookUp('two')
  expect(asked).toEqual([['one', 'soon'], ['two']])
})

it('reads what is known again when it is old, also while topics are looked up all the time', async () => {
  const { asked, time, lookUp } = scene()
  const names = ['one', 'two', 'three', 'four']
  for (const name of names) {
    await lookUp(name)
    await time.advance(300)
  }
  expect(asked).toContainEqual(names)
})

it('waits with a refresh for two readings at most, however many topics are looked up meanwhile', async () => {
  const { asked, reader, lookUp } = scene()
  await lookUp('known')
  let isOver = false
  const lookUps = [0, 1, 2].map(async each => {
    for (let i = 0; i < 100 && !isOver; i++) await lookUp(`topic-${each}-${i}`)
  })
  // While some of them are being read.
  await new Promise(setImmediate)
  const before = asked.length
  await reader.refresh()
  isOver = true
  expect(asked.slice(before, before + 3).flat()).toContain('known')
  await Promise.all(lookUps)
})

it('tells whoever watches one of the topics that were read, or all', async () => {
  const { reader, lookUp } = scene()
  const told: string[] = []
  reader.watch(() => told.push('mine'), ['mine', 'gone'])
  await lookUp('other')
  expect(told).toEqual([])
  await lookUp('mine')
  expect(told).toEqual(['mine'])
  const unwatch = reader.watch(() => told.push('all'), 'all')
  await lookUp('another')
  expect(told).toEqual(['mine', 'mine', 'all'])
  unwatch()
  await lookUp('one more')
  expect(told).toEqual(['mine', 'mine', 'all'])
})
