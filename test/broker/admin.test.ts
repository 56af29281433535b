import { expect, it } from 'vitest'
import { topic } from '../../src/index.ts'
import { fill } from '../helpers/behaviours.ts'
import { rejectionOf } from '../helpers/errors.ts'
import { orders0 } from '../helpers/orders.ts'
import { testBroker } from '../helpers/test-broker.ts'

const orders1 = { topic: 'orders', partition: 1 } as const

function administered(records = 0) {
  const { broker, clock } = testBroker({ topics: { orders: topic({ partitions: 2 }) } })
  fill(broker, 'orders', records)
  return { broker, clock, admin: broker.admin }
}

it('makes, lists, describes, grows and deletes topics', async () => {
  const { broker, admin } = administered(3)
  expect(await admin.createTopic('a', { partitions: 2 })).toBe(undefined)
  await admin.createTopic('z', topic({ partitions: 3 }))
  await admin.createTopic('b')
  expect(await admin.listTopics()).toEqual(['a', 'b', 'orders', 'z'])
  expect(await admin.addPartitions('a', 5)).toBe(undefined)
  expect(broker.topic('a' as 'orders').partitions).toHaveLength(5)
  expect(await admin.describeTopic('orders')).toEqual(broker.describe().topics[0])
  expect(await admin.deleteTopic('a')).toBe(undefined)
  expect(await admin.listTopics()).toEqual(['b', 'orders', 'z'])
})

it('deletes records before an offset, of all partitions or of none', async () => {
  const { broker, admin } = administered(5)
  const [first] = broker.topic('orders').partitions
  const error = await rejectionOf(
    admin.deleteRecords([
      { ...orders0, offset: 3 },
      { topic: 'orders', partition: 7, offset: 0 },
    ]),
  )
  expect(error).toMatchObject({ code: 'UNKNOWN_TOPIC_OR_PARTITION', partition: 7 })
  expect(first!.logStartOffset).toBe(0)
  await admin.deleteRecords([{ ...orders0, offset: 3 }])
  expect(first!.logStartOffset).toBe(3)
  expect(await rejectionOf(admin.deleteRecords([{ ...orders0, offset: 6 }]))).toMatchObject({
    code: 'OFFSET_OUT_OF_RANGE',
  })
})

it('deletes the records of all partitions before a listener hears of any', async () => {
  const { broker, admin } = administered(5)
  const other = broker.createTopic<any>('other')
  other.append({ value: 1 })
  broker.createGroup('g', { topics: ['orders', 'other' as 'orders'] })
  broker.on('recordsDropped', ({ topic: name }) => {
    if (name === 'orders') broker.deleteTopic('other' as 'orders')
  })
  const before = [{ ...orders0, offset: 3 }, { topic: 'other', partition: 0, offset: 1 } as never]
  expect(await admin.deleteRecords(before)).toBe(undefined)
  expect([broker.topic('orders').partitions[0]!.logStartOffset, other.deleted]).toEqual([3, true])
})

it('looks offsets up at the beginning, the end and a time', async () => {
  const { broker, clock, admin } = administered(2)
  await clock.advance(100)
  fill(broker, 'orders', 2)
  broker.topic('orders').partitions[0]!.deleteRecords(1)
  const both = [orders0, orders1]
  expect(await admin.listOffsets(both, 'beginning')).toEqual([
    { ...orders0, offset: 1 },
    { ...orders1, offset: 0 },
  ])
  expect(await admin.listOffsets(both, 'end')).toEqual([
    { ...orders0, offset: 4 },
    { ...orders1, offset: 0 },
  ])
  expect(await admin.listOffsets(both, { timestamp: clock.now() })).toEqual([
    { ...orders0, offset: 2 },
    { ...orders1, offset: null },
  ])
})

it('lists and describes groups, and deletes an empty one', async () => {
  const { broker, admin } = administered(2)
  const consumer = broker.consumer({ groupId: 'b', topics: ['orders'] })
  await consumer.poll()
  await broker.consumer({ groupId: 'a', topics: ['orders'] }).ready()
  expect(await admin.listGroups()).toEqual(['a', 'b'])
  expect(await admin.describeGroup('b')).toEqual(broker.describe().groups[0])
  expect(await rejectionOf(admin.deleteGroup('b'))).toMatchObject({
    code: 'NON_EMPTY_GROUP',
    errno: 68,
    message: "Group 'b' has 1 member; it must be Empty before it can be deleted: close its consumers first",
  })
  await consumer.close()
  await admin.deleteGroup('b')
  expect(await admin.listGroups()).toEqual(['a'])
})

it('sets the offsets of an empty group, or makes one that begins there', async () => {
  const { broker, clock, admin } = administered(3)
  await admin.setGroupOffsets('g', [])
  expect(await admin.listGroups()).toEqual([])
  await admin.setGroupOffsets('g', [{ ...orders0, offset: 2 }])
  expect(await admin.listGroupOffsets('g')).toEqual([{ ...orders0, offset: 2 }])
  expect(broker.group('g').state).toBe('Empty')
  await admin.setGroupOffsets('g', 'earliest')
  expect(await admin.listGroupOffsets('g')).toEqual([
    { ...orders0, offset: 0 },
    { ...orders1, offset: 0 },
  ])
  await admin.setGroupOffsets('g', 'latest')
  expect((await admin.listGroupOffsets('g')).map(({ offset }) => offset)).toEqual([3, 0])
  await clock.advance(10)
  fill(broker, 'orders', 1)
  await admin.setGroupOffsets('g', { timestamp: clock.now() })
  expect((await admin.listGroupOffsets('g')).map(({ offset }) => offset)).toEqual([3, 0])
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'] })
  expect((await consumer.poll()).map(({ offset }) => offset)).toEqual([3])
  expect(await rejectionOf(admin.setGroupOffsets('g', 'earliest'))).toMatchObject({ code: 'NON_EMPTY_GROUP' })
})

it('makes no group where the offsets are of a partition that does not exist', async () => {
  const { broker, admin } = administered()
  const error = await rejectionOf(admin.setGroupOffsets('g', [{ topic: 'orders', partition: 9, offset: 0 }]))
  expect(error).toMatchObject({ code: 'UNKNOWN_TOPIC_OR_PARTITION', partition: 9 })
  expect(broker.groups.size).toBe(0)
})

it('deletes committed offsets, but not of a topic that a member reads', async () => {
  const { broker, admin } = administered(2)
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'] })
  await consumer.poll()
  await consumer.commit()
  expect(await rejectionOf(admin.deleteGroupOffsets('g', [orders0]))).toMatchObject({
    code: 'GROUP_SUBSCRIBED_TO_TOPIC',
    errno: 86,
  })
  await consumer.close()
  await admin.deleteGroupOffsets('g', [orders0])
  expect(await admin.listGroupOffsets('g')).toEqual([{ ...orders1, offset: 0 }])
})

it.each([
  ['createTopic of one that exists', 'createTopic', ['orders'], 'TOPIC_ALREADY_EXISTS'],
  ['createTopic with a bad name', 'createTopic', ['a b'], 'INVALID_TOPIC_EXCEPTION'],
  ['createTopic with a bad option', 'createTopic', ['a', { partitions: -1 }], 'INVALID_CONFIG'],
  ['createTopic with no options at all', 'createTopic', ['a', 7], 'INVALID_REQUEST'],
  ['deleteTopic', 'deleteTopic', ['oders'], 'UNKNOWN_TOPIC_OR_PARTITION'],
  ['describeTopic', 'describeTopic', ['oders'], 'UNKNOWN_TOPIC_OR_PARTITION'],
  ['addPartitions of an unknown topic', 'addPartitions', ['oders', 3], 'UNKNOWN_TOPIC_OR_PARTITION'],
  ['addPartitions to fewer', 'addPartitions', ['orders', 1], 'INVALID_PARTITIONS'],
  [
    'deleteRecords',
    'deleteRecords',
    [[{ topic: 'oders', partition: 0, offset: 0 }]],
    'UNKNOWN_TOPIC_OR_PARTITION',
  ],
  ['listOffsets', 'listOffsets', [[{ topic: 'oders', partition: 0 }], 'end'], 'UNKNOWN_TOPIC_OR_PARTITION'],
  ['describeGroup', 'describeGroup', ['nobody'], 'GROUP_ID_NOT_FOUND'],
  ['deleteGroup', 'deleteGroup', ['nobody'], 'GROUP_ID_NOT_FOUND'],
  ['listGroupOffsets', 'listGroupOffsets', ['nobody'], 'GROUP_ID_NOT_FOUND'],
  ['setGroupOffsets', 'setGroupOffsets', ['nobody', 'latest'], 'GROUP_ID_NOT_FOUND'],
  ['deleteGroupOffsets', 'deleteGroupOffsets', ['nobody', []], 'GROUP_ID_NOT_FOUND'],
] as const)('answers a wrong %s with a rejection, never a throw', async (_, method, args, code) => {
  const { broker, admin } = administered()
  const before = JSON.stringify(broker.describe())
  const call = admin[method] as (...given: readonly unknown[]) => Promise<unknown>
  expect(await rejectionOf(call.apply(admin, [...args]))).toMatchObject({ code })
  expect(JSON.stringify(broker.describe())).toBe(before)
})

it('rejects every call on a closed broker', async () => {
  const { broker, admin } = administered()
  await admin.setGroupOffsets('g', [{ ...orders0, offset: 0 }])
  await broker.close()
  for (const call of [
    admin.createTopic('a'),
    admin.deleteTopic('orders'),
    admin.listTopics(),
    admin.describeTopic('orders'),
    admin.addPartitions('orders', 9),
    admin.deleteRecords([{ ...orders0, offset: 0 }]),
    admin.listOffsets([orders0], 'end'),
    admin.listGroups(),
    admin.describeGroup('g'),
    admin.deleteGroup('g'),
    admin.listGroupOffsets('g'),
    admin.setGroupOffsets('g', 'latest'),
    admin.deleteGroupOffsets('g', [orders0]),
  ]) {
    expect(await rejectionOf(call)).toMatchObject({ code: 'CLOSED', message: 'The broker is closed' })
  }
})
