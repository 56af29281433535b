import { describe, expect, it } from 'vitest'
import type { Cluster } from '../../src/kafka/cluster.ts'
import { type OwnedPartition, OwnedPartitions } from '../../src/kafka/owned-partitions.ts'

/** The partitions of a member, and the ids of the topics that its cluster has. */
function open(ids: Record<string, string>) {
  const known = (name: string) => (ids[name] === undefined ? undefined : { id: ids[name] })
  return new OwnedPartitions({ knownTopic: known } as unknown as Cluster)
}

const first = { topic: 'orders', partition: 0, topicId: 'first' }
const second = { ...first, topicId: 'second' }
const other = { topic: 'orders', partition: 1, topicId: 'first' }
const named = (partitions: readonly OwnedPartition[]) =>
  partitions.map(({ topicId, partition, assignmentEpoch }) => [topicId, partition, assignmentEpoch])

describe('the partitions of a member', () => {
  it('are taken on once, under the epoch of that moment', () => {
    const owned = open({ orders: 'first' })
    owned.aimAt([first])
    expect(named(owned.takeOn(1))).toEqual([['first', 0, 1]])
    owned.aimAt([first, other])
    expect(named(owned.takeOn(2))).toEqual([['first', 1, 2]])
    expect(owned.byTopicId()).toEqual([{ topicId: 'first', partitions: [0, 1] }])
  })

  it('are to be given up once, and owned until they are released', () => {
    const owned = open({ orders: 'first' })
    owned.aimAt([first, other])
    const taken = owned.takeOn(1)
    owned.aimAt([other])
    expect(owned.revoking).toBe(false)
    const { lost, revoked } = owned.giveUp()
    expect([named(lost), named(revoked)]).toEqual([[], [['first', 0, 1]]])
    expect(owned.giveUp()).toEqual({ lost: [], revoked: [] })
    expect([owned.revoking, owned.holds(first, 1)]).toEqual([true, true])
    owned.release(taken.slice(0, 1))
    expect([owned.revoking, owned.holds(first, 1), owned.holds(other, 1)]).toEqual([false, false, true])
  })

  it('are lost, and not to be given up, where their topic is gone or is another one by now', () => {
    const ids: Record<string, string> = { orders: 'first' }
    const owned = open(ids)
    owned.aimAt([first])
    owned.takeOn(1)
    ids.orders = 'second'
    owned.aimAt([second])
    const { lost, revoked } = owned.giveUp()
    expect([named(lost), named(revoked)]).toEqual([[['first', 0, 1]], []])
    expect(named(owned.takeOn(2))).toEqual([['second', 0, 2]])
    delete ids.orders
    owned.aimAt([])
    expect(named(owned.giveUp().lost)).toEqual([['second', 0, 2]])
    expect(owned.byTopicId()).toEqual([])
  })

  it('stay owned when one of the same name is released that was assigned before them', () => {
    const ids: Record<string, string> = { orders: 'first' }
    const owned = open(ids)
    owned.aimAt([first])
    const before = owned.takeOn(1)
    owned.aimAt([second])
    expect(named(owned.giveUp().revoked)).toEqual([['first', 0, 1]])
    // It becomes known that the topic is another one while the handler of the former one still ends.
    ids.orders = 'second'
    owned.giveUp()
    expect(owned.takeOn(2)).toHaveLength(1)
    owned.release(before)
    expect(owned.takeOn(3)).toEqual([])
    expect([owned.holds(second, 2), owned.holds(first, 1)]).toEqual([true, false])
  })
})
