import { expect, it } from 'vitest'
import { TopicReaders } from '../../src/broker/topic-readers.ts'
import type { ConsumerGroup } from '../../src/group/consumer-group.ts'

const groups = new Map(['billing', 'stock'].map(id => [id, { id } as ConsumerGroup]))

function start() {
  const readers = new TopicReaders(groups)
  for (const groupId of groups.keys()) readers.add('orders', groupId)
  readers.add('payments', 'billing')
  return { readers, of: (topic: string) => [...readers.ids(topic)] }
}

it('knows for each topic the groups that read it, and no others', () => {
  const { readers, of } = start()
  readers.add('orders', 'billing')
  expect(of('orders')).toEqual(['billing', 'stock'])
  expect(of('payments')).toEqual(['billing'])
  expect(of('shipments')).toEqual([])
})

it('does not know a group that the broker does not have', () => {
  const { readers } = start()
  readers.add('orders', 'refused')
  expect(readers.group('refused')).toBeUndefined()
  expect(readers.group('stock')).toBe(groups.get('stock'))
})

it('keeps nothing of a group, nor of a topic, that is gone', () => {
  const { readers, of } = start()
  readers.deleteGroup('billing')
  expect(of('orders')).toEqual(['stock'])
  expect(of('payments')).toEqual([])
  readers.deleteTopic('orders')
  expect(of('orders')).toEqual([])
})
