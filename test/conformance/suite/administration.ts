import { expect } from 'vitest'
import { thrownBy } from '../../helpers/errors.ts'
import { numbers, readAll, sendNumbers, until, values } from '../collect.ts'
import { unique } from '../engine-under-test.ts'
import type { Area } from '../suite.ts'

export const administration: Area = ({ test, scene }) => {
  test('makes, lists, describes and deletes topics', async () => {
    const { place, topic } = await scene({ partitions: 2 })
    await sendNumbers(place, topic, 5)
    expect(await place.admin.listTopics()).toContain(topic)
    expect(await place.admin.describeTopic(topic)).toMatchObject({
      name: topic,
      id: expect.stringMatching(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/),
      partitions: [
        { partition: 0, logStartOffset: 0, highWatermark: 5, lastStableOffset: 5, records: 5 },
        { partition: 1, logStartOffset: 0, highWatermark: 0, lastStableOffset: 0, records: 0 },
      ],
    })
    await place.admin.deleteTopic(topic)
    expect(await place.admin.listTopics()).not.toContain(topic)
    await expect(place.admin.describeTopic(topic)).rejects.toMatchObject({
      code: 'UNKNOWN_TOPIC_OR_PARTITION',
    })
  })

  test('refuses a topic that is there, one of no proper name, and options that cannot be', async () => {
    const { place, topic } = await scene()
    const { admin } = place
    await expect(admin.createTopic(topic)).rejects.toMatchObject({ code: 'TOPIC_ALREADY_EXISTS', topic })
    await expect(admin.createTopic('no/name')).rejects.toMatchObject({ code: 'INVALID_TOPIC_EXCEPTION' })
    await expect(admin.createTopic(`${topic}-x`, { retentionMs: -5 })).rejects.toMatchObject({
      code: 'INVALID_CONFIG',
    })
    await expect(admin.deleteTopic(`${topic}-x`)).rejects.toMatchObject({
      code: 'UNKNOWN_TOPIC_OR_PARTITION',
      topic: `${topic}-x`,
    })
  })

  test('lets a topic grow, but not shrink', async () => {
    const { place, topic } = await scene({ partitions: 2 })
    await place.admin.addPartitions(topic, 4)
    expect((await place.admin.describeTopic(topic)).partitions).toHaveLength(4)
    const { partition } = await place.producer().send({ topic, partition: 3, value: 1 })
    expect(partition).toBe(3)
    for (const total of [3, 4.5, 5.5, Number.NaN, 2 ** 40]) {
      await expect(place.admin.addPartitions(topic, total)).rejects.toMatchObject({
        code: 'INVALID_PARTITIONS',
        topic,
      })
    }
    for (const partitions of [0, 2.5, 2 ** 40]) {
      await expect(place.admin.createTopic(`${topic}-x`, { partitions })).rejects.toMatchObject({
        code: 'INVALID_CONFIG',
      })
    }
  })

  test('alters what a topic takes, while it lives', async () => {
    const { place, topic } = await scene({ maxMessageBytes: 500 })
    const producer = place.producer()
    const large = { topic, value: 'x'.repeat(1000) }
    await expect(producer.send(large)).rejects.toMatchObject({ code: 'MESSAGE_TOO_LARGE' })
    await place.admin.alterTopic(topic, { maxMessageBytes: 5000 })
    await until(() => producer.send(large))
  })

  test('takes an option that is undefined as one that is not there', async () => {
    const { place, topic } = await scene()
    const options = { retentionMs: undefined, partitions: undefined } as object
    await place.admin.createTopic(`${topic}-x`, options)
    expect((await place.admin.describeTopic(`${topic}-x`)).partitions).toHaveLength(1)
    await place.admin.alterTopic(topic, { retentionMs: undefined } as object)
  })

  test('refuses whatever is asked of it once it is closed', async () => {
    const { place, topic, group } = await scene()
    const { admin } = place
    const producer = place.producer()
    await place.close()
    const closed = { code: 'CLOSED' }
    expect(thrownBy(() => place.producer())).toMatchObject(closed)
    expect(thrownBy(() => place.consumer({ groupId: group, topics: [topic] }))).toMatchObject(closed)
    for (const call of [
      () => producer.send({ topic, value: 1 }),
      () => admin.listTopics(),
      () => admin.createTopic(`${topic}-x`),
      () => admin.describeTopic(topic),
      () => admin.listGroups(),
      () => admin.describeGroup(group),
      () => admin.setGroupOffsets(group, []),
    ])
      await expect(call()).rejects.toMatchObject(closed)
  })

  test('does not alter what its records were written under', async () => {
    const { place, topic } = await scene()
    for (const option of ['partitions', 'keys', 'codec', 'schema', 'freeze']) {
      await expect(place.admin.alterTopic(topic, { [option]: 2 })).rejects.toMatchObject({
        code: 'INVALID_CONFIG',
        topic,
        option,
      })
    }
  })

  test('answers at once what names no topic, and no group', async () => {
    const { admin } = (await scene()).place
    const none = undefined as never
    await expect(admin.createTopic(none)).rejects.toMatchObject({ code: 'INVALID_TOPIC_EXCEPTION' })
    for (const call of [
      admin.deleteTopic(none),
      admin.describeTopic(none),
      admin.addPartitions(none, 3),
      admin.alterTopic(unique('none'), {}),
    ]) {
      await expect(call).rejects.toMatchObject({ code: 'UNKNOWN_TOPIC_OR_PARTITION' })
    }
    for (const call of [admin.deleteGroup(none), admin.describeGroup(none), admin.listGroupOffsets(none)]) {
      await expect(call).rejects.toMatchObject({ code: 'GROUP_ID_NOT_FOUND' })
    }
    await expect(admin.setGroupOffsets(none, [])).rejects.toMatchObject({ code: 'INVALID_GROUP_ID' })
  })

  test('forgets records before an offset', async () => {
    const { place, topic } = await scene()
    await sendNumbers(place, topic, 10)
    const before = [4, 2].map(offset => ({ topic, partition: 0, offset }))
    await place.admin.deleteRecords(before)
    expect(values(await readAll(place, topic))).toEqual(numbers(6, 4))
    await expect(place.admin.deleteRecords([{ topic, partition: 0, offset: 11 }])).rejects.toMatchObject({
      code: 'OFFSET_OUT_OF_RANGE',
      topic,
      partition: 0,
    })
  })

  test('looks up offsets by place and by time', async () => {
    const { place, topic } = await scene({ partitions: 2 })
    await sendNumbers(place, topic, 10, n => ({ partition: 0, timestamp: 1_700_000_000_000 + n * 1000 }))
    const partitions = [0, 1].map(partition => ({ topic, partition }))
    const at = async (place_: Parameters<typeof place.admin.listOffsets>[1]) =>
      (await place.admin.listOffsets(partitions, place_)).map(({ offset }) => offset)
    expect(await at('beginning')).toEqual([0, 0])
    expect(await at('end')).toEqual([10, 0])
    expect(await at({ timestamp: 1_700_000_000_000 + 3500 })).toEqual([4, null])
    expect(await at({ timestamp: 1_700_000_000_000 + 3000 })).toEqual([3, null])
    expect(await at({ timestamp: 1_800_000_000_000 })).toEqual([null, null])
    // Times that a request would take for something else, or cannot hold.
    for (const timestamp of [-1, -5]) expect(await at({ timestamp })).toEqual([0, null])
    expect(await at({ timestamp: 1e30 })).toEqual([null, null])
  })

  test('lists and describes groups', async () => {
    const { place, topic, group } = await scene({ partitions: 2 })
    await sendNumbers(place, topic, 10)
    const groupInstanceId = 'first'
    const options = { groupId: group, topics: [topic], autoCommit: false, groupInstanceId }
    const consumer = place.consumer(options)
    await consumer.ready()
    await consumer.poll({ timeoutMs: 5000 })
    await consumer.commit([{ topic, partition: 0, offset: 4 }])
    expect(await place.admin.listGroups()).toContain(group)
    const described = await place.admin.describeGroup(group)
    expect(described).toMatchObject({ groupId: group, state: 'Stable', assignor: 'uniform', lag: 6 })
    expect(described.members).toMatchObject([
      { memberId: consumer.memberId, groupInstanceId, connected: true, assignment: { length: 2 } },
    ])
    const { memberId } = consumer
    expect(described.partitions).toEqual([
      { topic, partition: 0, committed: 4, lag: 6, memberId },
      { topic, partition: 1, committed: null, lag: 0, memberId },
    ])
  })

  test('describes the partitions of a group, and lists its offsets, in the order of their topics and numbers', async () => {
    const { place, topic, group } = await scene({ partitions: 6 })
    const [first, last] = [`${topic}-a`, `${topic}-b`]
    for (const name of [first, last]) await place.admin.createTopic(name)
    const order = [4, 1, 5, 0, 3, 2].map(partition => ({ topic, partition, offset: 0 }))
    const zero = { partition: 0, offset: 0 }
    await place.admin.setGroupOffsets(group, [{ topic: last, ...zero }, ...order, { topic: first, ...zero }])
    const sorted = [...numbers(6).map(partition => [topic, partition]), [first, 0], [last, 0]]
    const { partitions } = await place.admin.describeGroup(group)
    expect(partitions.map(each => [each.topic, each.partition])).toEqual(sorted)
    const listed = await place.admin.listGroupOffsets(group)
    expect(listed.map(each => [each.topic, each.partition])).toEqual(sorted)
  })

  test('describes a group one of whose topics was deleted a moment ago', async () => {
    const { place, topic, group } = await scene()
    const gone = `${topic}-gone`
    await place.admin.createTopic(gone)
    const consumer = place.consumer({ groupId: group, topics: [topic, gone], autoCommit: false })
    await consumer.ready()
    await until(() => expect(consumer.assignment).toHaveLength(2))
    await consumer.commit([topic, gone].map(name => ({ topic: name, partition: 0, offset: 0 })))
    await place.admin.deleteTopic(gone)
    const { partitions } = await place.admin.describeGroup(group)
    expect(partitions).toMatchObject([{ topic, partition: 0, committed: 0 }])
  })

  test('moves a group while nobody is in it, and deletes it', async () => {
    const { place, topic, group } = await scene()
    await sendNumbers(place, topic, 10, n => ({ timestamp: 1_700_000_000_000 + n * 1000 }))
    const { admin } = place
    const offset = async () => (await admin.listGroupOffsets(group)).map(each => each.offset)
    await admin.setGroupOffsets(group, [{ topic, partition: 0, offset: 3 }])
    expect(await offset()).toEqual([3])
    await admin.setGroupOffsets(group, 'latest')
    expect(await offset()).toEqual([10])
    await admin.setGroupOffsets(group, { timestamp: 1_700_000_000_000 + 6500 })
    expect(await offset()).toEqual([7])
    const consumer = place.consumer({ groupId: group, topics: [topic], autoCommit: false })
    await consumer.ready()
    const nonEmpty = { code: 'NON_EMPTY_GROUP', groupId: group }
    await expect(admin.setGroupOffsets(group, 'earliest')).rejects.toMatchObject(nonEmpty)
    await expect(admin.deleteGroup(group)).rejects.toMatchObject(nonEmpty)
    await consumer.close()
    await admin.deleteGroup(group)
    await expect(admin.describeGroup(group)).rejects.toMatchObject({
      code: 'GROUP_ID_NOT_FOUND',
      groupId: group,
    })
  })

  test('moves a group to a place in every partition of its topics, also where it has committed nothing', async () => {
    const { place, topic, group } = await scene({ partitions: 2 })
    const { admin } = place
    await sendNumbers(place, topic, 10, n => ({ partition: n % 2 }))
    await admin.setGroupOffsets(group, [{ topic, partition: 0, offset: 3 }])
    await admin.setGroupOffsets(group, 'latest')
    expect(await admin.listGroupOffsets(group)).toEqual([
      { topic, partition: 0, offset: 5 },
      { topic, partition: 1, offset: 5 },
    ])
  })

  test('moves no group that somebody is in, also where it has committed nothing yet', async () => {
    const { place, topic, group } = await scene()
    const consumer = place.consumer({ groupId: group, topics: [topic], autoCommit: false })
    await consumer.ready()
    await expect(place.admin.setGroupOffsets(group, 'earliest')).rejects.toMatchObject({
      code: 'NON_EMPTY_GROUP',
      groupId: group,
    })
  })

  test('forgets what a group has committed', async () => {
    const { place, topic, group } = await scene({ partitions: 2 })
    const { admin } = place
    await admin.setGroupOffsets(
      group,
      [0, 1].map(partition => ({ topic, partition, offset: 0 })),
    )
    await admin.deleteGroupOffsets(group, [{ topic, partition: 0 }])
    expect(await admin.listGroupOffsets(group)).toEqual([{ topic, partition: 1, offset: 0 }])
    for (const unknown of [
      { topic: `${topic}-x`, partition: 0 },
      { topic, partition: 2 },
    ]) {
      const deleted = admin.deleteGroupOffsets(group, [{ topic, partition: 1 }, unknown])
      await expect(deleted).rejects.toMatchObject({
        code: 'UNKNOWN_TOPIC_OR_PARTITION',
        topic: unknown.topic,
      })
    }
    expect(await admin.listGroupOffsets(group)).toEqual([{ topic, partition: 1, offset: 0 }])
  })

  test('forgets nothing that a group has committed of what somebody in it reads', async () => {
    const { place, topic, group } = await scene()
    const consumer = place.consumer({ groupId: group, topics: [topic], autoCommit: false })
    await consumer.ready()
    const committed = [{ topic, partition: 0, offset: 0 }]
    await consumer.commit(committed)
    await expect(place.admin.deleteGroupOffsets(group, committed)).rejects.toMatchObject({
      code: 'GROUP_SUBSCRIBED_TO_TOPIC',
    })
    expect(await place.admin.listGroupOffsets(group)).toEqual(committed)
  })

  test('moves no group to a place that there is not', async () => {
    const { place, topic, group } = await scene()
    await sendNumbers(place, topic, 3)
    const committed = [{ topic, partition: 0, offset: 1 }]
    await place.admin.setGroupOffsets(group, committed)
    for (const to of ['start', undefined, { timestamp: 'now' }]) {
      await expect(place.admin.setGroupOffsets(group, to as never)).rejects.toMatchObject({
        name: 'InvalidArgumentError',
      })
    }
    expect(await place.admin.listGroupOffsets(group)).toEqual(committed)
  })

  test('makes a group by offsets, and none without any', async () => {
    const { place, topic, group } = await scene()
    const { admin } = place
    await admin.setGroupOffsets(group, [])
    expect(await admin.listGroups()).not.toContain(group)
    await admin.setGroupOffsets(group, [{ topic, partition: 0, offset: 0 }])
    expect(await admin.listGroups()).toContain(group)
  })
}
