import {
  brokerConfig,
  groupConfig,
  haveWithBoth,
  type ShareConversation,
  topicConfig,
} from './share-conversation.ts'

const [accept, release, reject] = [1, 2, 3]
const enabled = { 'errors.deadletterqueue.group.enable': 'true' }
const copied = { 'errors.deadletterqueue.copy.record.enable': 'true' }

const conversations: Readonly<Record<string, (t: ShareConversation) => Promise<void>>> = {
  'rejects records': async t => {
    await t.create(t.dead, 1, enabled)
    await t.begin({})
    await t.produce(
      [
        ['a', '1'],
        [null, '2'],
        ['c', null],
      ],
      0,
      [['h', Buffer.from('x')]],
    )
    await t.finish(3, reject)
    await t.letters(3)
    await t.produce([['d', '4']])
    await t.finish(1, accept)
    await t.produce([['e', '5']])
    await t.finish(1, reject)
    await t.letters(1)
  },
  'rejects records that are copied': async t => {
    await t.create(t.dead, 1, enabled)
    await t.begin(copied)
    await t.produce(
      [
        ['a', '1'],
        [null, '2'],
        ['c', null],
        ['', ''],
      ],
      0,
      [['h', Buffer.from('x')]],
    )
    await t.finish(4, reject)
    await t.letters(4)
  },
  'delivers records as often as it may': async t => {
    await t.create(t.dead, 1, enabled)
    await t.begin({ ...copied, 'share.delivery.count.limit': '2' })
    await t.produce([
      ['a', '1'],
      ['b', '2'],
    ])
    await t.finish(4, release)
    await t.letters(2)
    await t.produce([['c', '3']])
    await t.finish(1, release)
    await t.finish(1, reject)
    await t.letters(1)
  },
  'ends its session with the last delivery': async t => {
    await t.create(t.dead, 1, enabled)
    await t.begin({ 'share.delivery.count.limit': '2' })
    await t.produce([['a', '1']])
    await t.finish(1, release)
    await t.finish(1)
    await t.endSession()
    await t.letters(1)
    await t.produce([
      ['b', '2'],
      ['c', '3'],
    ])
    await t.finish(2)
    await t.endSession()
    await t.finish(2, accept)
    await t.produce([['d', '4']])
    await t.finish(1, reject)
    await t.letters(1)
  },
  // Kafka looks where the log begins only where it would read what is gone.
  'rejects records that were deleted meanwhile': async t => {
    await t.create(t.dead, 1, enabled)
    await t.begin(copied)
    await t.produce([
      ['a', '1'],
      ['b', '2'],
      ['c', '3'],
    ])
    await t.finish(3)
    await t.deleteRecords(2)
    await t.acknowledge(0, 2, reject)
    await t.letters(3)
    await t.produce([['d', '4']])
    await t.finish(1, reject)
    await t.letters(1)
  },
  'ends its session with records that were deleted meanwhile': async t => {
    await t.create(t.dead, 1, enabled)
    await t.begin({ 'share.delivery.count.limit': '2' })
    await t.produce([
      ['a', '1'],
      ['b', '2'],
    ])
    await t.finish(2, release)
    await t.finish(2)
    await t.deleteRecords(1)
    await t.endSession()
    await t.letters(2)
  },
  'sees that records were deleted before it rejects them': async t => {
    await t.create(t.dead, 1, enabled)
    await t.begin({})
    for (const value of ['1', '2', '3']) await t.produce([['k', value]])
    await t.finish(3)
    await t.acknowledge(0, 0, release)
    await t.deleteRecords(2)
    await t.produce([['k', '4']])
    await t.finish(1)
    await t.acknowledge(1, 1, reject)
    await t.acknowledge(2, 3, reject)
    await t.letters(2)
  },
  'has fewer partitions for dead letters than for records': async t => {
    await t.create(t.dead, 2, enabled)
    await t.begin(copied, 3)
    for (const partition of [0, 1, 2]) {
      await t.produce([['k', `of ${partition}`]], partition)
      await t.finish(1, reject, partition)
      await t.letters(1)
    }
  },
  'has a topic for dead letters that takes only small records': async t => {
    await t.create(t.dead, 1, { ...enabled, 'max.message.bytes': '1000' })
    await t.begin(copied)
    const sized = (...sizes: number[]) => sizes.map(size => [null, 'x'.repeat(size)] as const)
    await t.produce(sized(10, 2000, 400, 500, 1001, 20))
    await t.finish(6, reject)
    await t.letters(6)
    // Too large together with what is told of it.
    await t.produce(sized(990))
    await t.finish(1, reject)
    await t.produce(sized(30))
    await t.finish(1, reject)
    await t.letters(1)
    // Unpacked as a whole.
    for (const sizes of [
      [10, 400],
      [10, 2000],
      [500, 600],
    ]) {
      await t.producePacked(...sizes.map(size => 'x'.repeat(size)))
      await t.finish(2, reject)
      await t.letters(2)
    }
  },
  'writes to a topic that takes no records without a key': async t => {
    await t.create(t.dead, 1, { ...enabled, 'cleanup.policy': 'compact' })
    await t.begin(copied)
    await t.produce([[null, '1']])
    await t.finish(1, reject)
    await t.produce([['b', '2']])
    await t.finish(1, reject)
    await t.letters(1)
  },
  'writes to a topic that stamps records': async t => {
    await t.create(t.dead, 1, { ...enabled, 'message.timestamp.type': 'LogAppendTime' })
    await t.begin(copied)
    await t.produce([['a', '1']])
    await t.finish(1, reject)
    await t.letters(1)
  },
  'names a topic that is not meant for dead letters at first': async t => {
    await t.create(t.dead, 1)
    await t.begin({})
    await t.produce([['a', '1']])
    await t.finish(1, reject)
    await t.alter(topicConfig, t.dead, enabled)
    await t.produce([['b', '2']])
    await t.finish(1, reject)
    await t.letters(1)
  },
  'names a topic without the prefix': async t => {
    await t.create('other', 1, enabled)
    await t.begin({ 'errors.deadletterqueue.topic.name': 'other' })
    await t.produce([['a', '1']])
    await t.finish(1, reject)
    await t.alter(brokerConfig, '', { 'errors.deadletterqueue.topic.name.prefix': 'oth' })
    await t.produce([['b', '2']])
    await t.finish(1, reject)
    await t.letters(1, 'other')
    await t.alter(brokerConfig, '', { 'errors.deadletterqueue.topic.name.prefix': 'dlq.' })
  },
  'names a topic that is not there': async t => {
    await t.begin(copied)
    await t.produce([['a', '1']])
    await t.finish(1, reject)
    await t.tellTopic(t.dead)
    await t.alter(brokerConfig, '', { 'errors.deadletterqueue.auto.create.topics.enable': 'true' })
    await t.produce([
      ['b', '2'],
      ['c', '3'],
    ])
    await t.finish(2, reject)
    await t.letters(2)
    await t.tellTopic(t.dead)
    await t.alter(brokerConfig, '', { 'errors.deadletterqueue.auto.create.topics.enable': 'false' })
  },
  'may not name a topic of Kafka': async t => {
    await t.alter(groupConfig, 'g', { 'errors.deadletterqueue.topic.name': '__dead' })
    await t.alter(groupConfig, 'g', { 'errors.deadletterqueue.copy.record.enable': 'yes' })
    await t.alter(brokerConfig, '', { 'errors.deadletterqueue.auto.create.topics.enable': 'yes' })
  },
}

// (KIP-1191)
// (KIP-1191)
haveWithBoth('a real Kafka and a served broker keep the same dead letters', 'of a group that', conversations)
