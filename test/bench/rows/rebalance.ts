import { performance } from 'node:perf_hooks'
import { PartitionAssigners } from 'kafkajs'
import { Broker, topic } from '../../../src/index.ts'
import { toFigure } from '../measure.ts'
import type { Row } from '../row.ts'

const topicCount = 10

/** KafkaJS's round-robin assigner, without a cluster. */
function roundRobin(names: readonly string[], partitions: number, members: number) {
  const metadata = Array.from({ length: partitions }, (_, partitionId) => ({ partitionId }))
  const cluster = { findTopicPartitionMetadata: () => metadata }
  const assigner = PartitionAssigners.roundRobin({ cluster: cluster as never } as never)
  const input = {
    members: Array.from({ length: members }, (_, i) => ({
      memberId: `member-${i}`,
      memberMetadata: Buffer.alloc(0),
    })),
    topics: [...names],
  }
  return () => assigner.assign(input as never)
}

export const rebalance: Row = {
  name: 'rebalance',
  section: 'housekeeping',
  what: 'one join to 1,000 members with 10,000 partitions, until the group is stable',
  unit: 'ms',
  targets: { 'KafkaJS round robin': 0.15 },
  async measure(scale) {
    const members = Math.min(1000, scale.records / 10)
    const partitions = members
    const names = Array.from({ length: topicCount }, (_, i) => `topic-${i}`)
    const topics = Object.fromEntries(names.map(name => [name, topic({ partitions })]))
    const broker = new Broker({ topics })
    let events = 0
    broker.on('rebalanced', () => events++)
    const join = () => {
      const consumer = broker.consumer({ groupId: 'billing', topics: names })
      consumer.on('assigned', () => events++)
      return consumer
    }
    await Promise.all(Array.from({ length: members }, () => join().ready()))
    const group = broker.group('billing')
    await group.stable()
    const kafka = roundRobin(names, partitions, members + 1)
    const ours: number[] = []
    const theirs: number[] = []
    const end = performance.now() + scale.budgetMs
    const warmUps = scale.rounds > 1 ? 20 : 0
    for (let round = -warmUps; round < scale.rounds || performance.now() < end; round++) {
      const kafkaStart = performance.now()
      await kafka()
      const start = performance.now()
      const consumer = join()
      await consumer.ready()
      await group.stable()
      const stop = performance.now()
      if (consumer.assignment.length === 0) throw new Error('assigned nothing')
      await consumer.close()
      await group.stable()
      if (round < 0) continue
      theirs.push(start - kafkaStart)
      ours.push(stop - start)
    }
    await broker.close()
    if (events === 0) throw new Error('no event')
    return [toFigure('KafkaJS round robin', ours, theirs)]
  },
}
