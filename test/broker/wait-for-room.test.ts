import { getEventListeners } from 'node:events'
import { describe, expect, it } from 'vitest'
import { ClosedError, json, QueueFullError, TimeoutError } from '../../src/index.ts'
import { gate } from '../helpers/behaviours.ts'
import { rejectionOf, thrownBy } from '../helpers/errors.ts'
import { testBroker } from '../helpers/test-broker.ts'
import { collectWarnings } from '../helpers/warnings.ts'
import { full, log0 } from './full-topic-scene.ts'

const warnings = collectWarnings()

/** What becomes of a send, once it has ended. */
function outcomeOf(sent: Promise<unknown>): string[] {
  const names: string[] = []
  void sent.then(
    () => names.push('written'),
    (error: Error) => names.push(error.name),
  )
  return names
}

describe("whenFull: 'wait'", () => {
  it('resolves once there is room, in the order in which they came, and overtakes nobody', async () => {
    const { broker, clock, told, send, follow, producer, commit, values } = full()
    send('a')
    follow('bc', producer.sendBatch(['b', 'c'].map(value => ({ topic: 'log', value }))))
    send('d')
    const other = broker.producer()
    follow('e', other.send({ topic: 'log', value: 'e' }))
    await clock.settle()
    expect([told, values()]).toEqual([[], [0, 1, 2]])
    commit(2)
    await clock.settle()
    // There is room for d, but bc was first.
    expect([told, values()]).toEqual([['a at 3'], [1, 2, 'a']])
    commit(3)
    await clock.settle()
    expect([told, values()]).toEqual([
      ['a at 3', 'bc at 4,5'],
      ['a', 'b', 'c'],
    ])
    commit(6)
    await clock.settle()
    expect([told.slice(2), values()]).toEqual([
      ['d at 6', 'e at 7'],
      ['c', 'd', 'e'],
    ])
  })

  it('names the groups that have yet to commit, and no others', async () => {
    const { broker } = full()
    broker.createGroup('done', { topics: ['log'], from: 'end' })
    const error = await rejectionOf(broker.producer().send({ topic: 'log', value: 'x' }, { timeoutMs: 0 }))
    expect(error.message).toMatch(/; group 'g' has not committed 3 of them$/)
  })

  it('does not keep those who write elsewhere', async () => {
    const { broker, clock, told, follow } = full({ partitions: 2 })
    const producer = broker.producer()
    follow('full', producer.send({ topic: 'log', value: 'x', partition: 0 }))
    follow('empty', producer.send({ topic: 'log', value: 'y', partition: 1 }))
    await clock.settle()
    // Those of `full` went around both partitions.
    expect(told).toEqual(['full at 2', 'empty at 1'])
    for (let i = 0; i < 3; i++) follow(`again ${i}`, producer.send({ topic: 'log', value: i, partition: 0 }))
    follow('beside', producer.send({ topic: 'log', value: 'z', partition: 1 }))
    await clock.settle()
    expect(told.slice(2)).toEqual(['beside at 2'])
  })

  it('ends after maxBlockMs, or the time of the call, and lets the next in line try', async () => {
    const { broker, clock, told, send, follow, producer, commit, log } = full()
    follow(
      'three',
      producer.sendBatch(
        [1, 2, 3].map(value => ({ topic: 'log', value })),
        { timeoutMs: 100 },
      ),
    )
    send('one')
    commit(1)
    await clock.advance(99)
    expect(told).toEqual([])
    await clock.advance(1)
    expect(told).toEqual(['three TimeoutError', 'one at 3'])
    send('never', { timeoutMs: 0 })
    await clock.settle()
    expect(told.at(-1)).toBe('never QueueFullError')
    const impatient = broker.producer({ maxBlockMs: 50 })
    const error = rejectionOf(impatient.send({ topic: 'log', value: 'late' }))
    await clock.advance(60)
    expect(await error).toBeInstanceOf(TimeoutError)
    expect(await error).toMatchObject({ code: 'REQUEST_TIMED_OUT', retriable: true })
    expect((await error).message).toBe(
      "Waited 50 ms for room: log-0 keeps 3 records, and its retentionRecords is 3; group 'g' has not committed 3 of them",
    )
    send('default')
    await clock.advance(59_999)
    expect(told.at(-1)).toBe('never QueueFullError')
    await clock.advance(1)
    expect([told.at(-1), log.partitions[0]!.highWatermark]).toEqual(['default TimeoutError', 4])
  })

  it('ends with its signal, and writes nothing then', async () => {
    const { clock, told, send, commit, values, producer } = full()
    const controller = new AbortController()
    const sent = producer.send({ topic: 'log', value: 'a' }, { signal: controller.signal })
    send('b')
    controller.abort(new Error('enough'))
    expect((await rejectionOf(sent)).message).toBe('enough')
    commit(3)
    await clock.settle()
    expect([told, values()]).toEqual([['b at 3'], [1, 2, 'b']])
    expect(getEventListeners(controller.signal, 'abort')).toHaveLength(0)
    const late = await rejectionOf(producer.send({ topic: 'log', value: 'c' }, { signal: controller.signal }))
    expect([late.message, values()]).toEqual(['enough', [1, 2, 'b']])
  })

  it('that ends with its signal, or by its time, lets those behind it try', async () => {
    const { clock, told, producer, follow, send, commit } = full()
    const controller = new AbortController()
    const batch = [1, 2, 3].map(value => ({ topic: 'log', value }))
    follow('three', producer.sendBatch(batch, { signal: controller.signal }))
    send('one')
    commit(1)
    await clock.settle()
    expect(told).toEqual([])
    controller.abort(new Error('enough'))
    await clock.settle()
    expect(told).toEqual(['three Error', 'one at 3'])
  })

  it('leaves no listener at its signal once it is through', async () => {
    const { clock, told, send, commit } = full()
    const { signal } = new AbortController()
    for (const value of ['a', 'b']) send(value, { signal })
    await clock.settle()
    commit(1)
    await clock.settle()
    expect([told, getEventListeners(signal, 'abort').length]).toEqual([['a at 3'], 1])
    commit(2)
    await clock.settle()
    expect([told, getEventListeners(signal, 'abort').length]).toEqual([['a at 3', 'b at 4'], 0])
  })

  it('nor is it overtaken by one that comes later and would fit', async () => {
    const { broker, clock, told, follow, producer, commit } = full()
    follow('two', producer.sendBatch([1, 2].map(value => ({ topic: 'log', value }))))
    commit(1)
    await clock.settle()
    follow('later', broker.producer().send({ topic: 'log', value: 3 }))
    await clock.settle()
    expect(told).toEqual([])
    commit(3)
    await clock.settle()
    expect(told).toEqual(['two at 3,4', 'later at 5'])
  })

  it('keeps its order in a topic that drops unread records, too', async () => {
    const { broker, clock, told, follow, producer, commit } = full()
    const feed = broker.createTopic('feed')
    const other = { topic: 'feed', value: 1 }
    follow('two', producer.sendBatch([other, { topic: 'log', value: 3 }]))
    follow('later', producer.send({ topic: 'feed', value: 2 }))
    follow('two later', producer.sendBatch([{ topic: 'feed', value: 3 }]))
    expect(thrownBy(() => feed.append({ value: 4 }))).toBeInstanceOf(QueueFullError)
    await clock.settle()
    expect(told).toEqual([])
    commit(1)
    await clock.settle()
    expect(told).toEqual(['two at 0,3', 'later at 1', 'two later at 2'])
    expect(feed.records().map(({ value }) => value)).toEqual([1, 2, 3])
  })

  it('is refused once the topic is altered so that it could never fit, and holds nobody up', async () => {
    const { clock, log, told, follow, send, producer, commit } = full()
    follow('two', producer.sendBatch([1, 2].map(value => ({ topic: 'log', value }))))
    send(3)
    log.alter({ retentionRecords: 1 })
    await clock.settle()
    expect(told).toEqual(['two RecordListTooLargeError'])
    commit(3)
    await clock.settle()
    expect(told).toEqual(['two RecordListTooLargeError', '3 at 3'])
  })

  it('is refused once it could never fit also where it stands behind one that fits', async () => {
    const { clock, log, told, follow, send, producer, commit } = full()
    send('a')
    follow('two', producer.sendBatch([1, 2].map(value => ({ topic: 'log', value }))))
    send('b')
    log.alter({ whenFull: 'reject' })
    log.alter({ retentionRecords: 1 })
    await clock.settle()
    expect(told).toEqual(['two RecordListTooLargeError'])
    commit(3)
    await clock.settle()
    expect(told.slice(1)).toEqual(['a at 3'])
    commit(4)
    await clock.settle()
    expect(told.slice(2)).toEqual(['b at 4'])
  })

  it('is overtaken in none of its partitions, though it waits for another one', async () => {
    const { broker, clock } = testBroker()
    const log = broker.createTopic('log', { partitions: 3, retentionRecords: 2, whenFull: 'wait' })
    const group = broker.createGroup('g', { topics: ['log'] })
    for (const partition of [0, 0, 1, 1, 2, 2]) log.append({ value: 0, partition })
    const told: string[] = []
    const send = (name: string, partitions: number[]) => {
      const batch = partitions.map(partition => ({ topic: 'log', value: name, partition }))
      void broker
        .producer()
        .sendBatch(batch)
        .then(() => told.push(name))
    }
    send('first', [2, 2])
    send('second', [2, 0])
    send('third', [0, 1])
    const commit = (partition: number, offset: number) =>
      group.setOffsets([{ topic: 'log', partition, offset }])
    commit(0, 2)
    commit(1, 2)
    commit(2, 1)
    await clock.settle()
    expect(told).toEqual([])
    commit(2, 2)
    await clock.settle()
    expect(told).toEqual(['first'])
    commit(2, 4)
    await clock.settle()
    expect(told).toEqual(['first', 'second', 'third'])
  })

  it('append cannot wait, so it is refused', () => {
    const { log } = full()
    expect(thrownBy(() => log.append({ value: 'a' }))).toBeInstanceOf(QueueFullError)
  })

  it('goes on when records are deleted, age out, or a group that had not read them is deleted', async () => {
    const deleted = full()
    deleted.send('a')
    deleted.log.partitions[0]!.deleteRecords(1)
    await deleted.clock.settle()
    expect(deleted.told).toEqual(['a at 3'])
    const aged = full({ retentionMs: 1000, segmentMs: 1000 })
    aged.broker.on('recordsDropped', () => {})
    aged.send('a')
    await aged.clock.advance(1001)
    expect(aged.told).toEqual(['a at 3'])
    const left = full()
    left.broker.createGroup('fast', { topics: ['log'], from: 'end' })
    left.send('a')
    await left.clock.settle()
    expect(left.told).toEqual([])
    left.broker.deleteGroup('g')
    await left.clock.settle()
    expect(left.told).toEqual(['a at 3'])
  })

  it('a consumer that commits makes room as it goes, and idle waits for the senders', async () => {
    const { broker, clock, producer, log } = full()
    const read: unknown[] = []
    for (let value = 3; value < 50; value++) void producer.send({ topic: 'log', value })
    await clock.settle()
    expect(log.partitions[0]!.highWatermark).toBe(3)
    const reader = broker.consumer({ groupId: 'g', topics: ['log'] })
    await reader.run({ eachRecord: async record => void read.push(record.value) })
    await broker.idle()
    expect(read).toEqual(Array.from({ length: 50 }, (_, i) => i))
    expect(log.partitions[0]!.countFrom(0)).toBe(3)
    expect(warnings).toEqual([])
  })

  it('idle says who waits for room, and for whom', async () => {
    const { broker, clock, send } = full()
    send('a')
    const idle = rejectionOf(broker.idle({ timeoutMs: 100 }))
    await clock.advance(100)
    expect((await idle).message).toContain(
      "a send to log-0 waits for room: log-0 keeps 3 records, and its retentionRecords is 3; group 'g' has not committed",
    )
  })

  it('close refuses those who wait at once', async () => {
    const { broker, clock, told, send } = full()
    send('a')
    send('b')
    await clock.settle()
    await broker.close()
    await clock.settle()
    expect(told).toEqual(['a ClosedError', 'b ClosedError'])
  })

  it('close is not held up by a handler that would wait from then on', async () => {
    const { broker, clock, producer, told, follow } = full()
    broker.createTopic('orders')
    broker.topic('orders').append({ value: 'a' })
    const handles = gate()
    const consumer = broker.consumer({ groupId: 'other', topics: ['orders'] })
    await consumer.run({
      eachRecord: async ({ value }) => {
        await handles.opened
        const sent = producer.send({ topic: 'log', value })
        follow(String(value), sent)
        await sent.catch(() => {})
      },
    })
    await clock.settle()
    let closed = false
    const closing = broker.close().then(() => {
      closed = true
    })
    handles.open()
    await clock.settle()
    expect([closed, told]).toEqual([true, ['a ClosedError']])
    await closing
  })

  it("a producer's close waits for its sends, but not for longer than it is told to", async () => {
    const { clock, producer, told, send, commit } = full()
    send('a')
    let closed = false
    const closing = producer.close().then(() => {
      closed = true
    })
    await clock.settle()
    expect([closed, told]).toEqual([false, []])
    commit(1)
    await closing
    expect(told).toEqual(['a at 3'])
    const second = full()
    const waiting = rejectionOf(second.producer.send({ topic: 'log', value: 'b' }))
    const given = second.producer.close({ timeoutMs: 500 })
    await second.clock.advance(500)
    await given
    expect(await waiting).toBeInstanceOf(ClosedError)
    second.commit(3)
    await second.clock.settle()
    expect(second.values()).toEqual([0, 1, 2])
  })

  it('refuses a send whose topic is deleted while it waits', async () => {
    const { broker, clock, told, send } = full()
    send('a')
    broker.deleteTopic('log')
    await clock.settle()
    expect(told).toEqual(['a UnknownTopicOrPartitionError'])
  })

  it('refuses it at once also where it waits for bytes, for room in the broker, or behind another send', async () => {
    const counted = full({ retentionRecords: -1, retentionBytes: 3, codec: json })
    counted.send(9)
    counted.broker.deleteTopic('log')
    await counted.clock.settle()
    expect(counted.told).toEqual(['9 UnknownTopicOrPartitionError'])
    expect(counted.log.partitions[0]!.bytes).toBe(0)

    const { broker, clock } = testBroker({ maxRecords: 2 })
    const kept = broker.createTopic('kept', { whenFull: 'reject', segmentRecords: 1 })
    broker.createTopic('waits', { whenFull: 'wait' })
    for (const value of [1, 2]) kept.append({ value })
    const sent = outcomeOf(broker.producer().send({ topic: 'waits', value: 3 }))
    broker.deleteTopic('waits')
    await clock.settle()
    expect(sent).toEqual(['UnknownTopicOrPartitionError'])

    const behind = full()
    behind.broker.createTopic('beside')
    behind.send('a')
    behind.follow(
      'batch',
      behind.producer.sendBatch(['log', 'beside'].map(name => ({ topic: name, value: 'b' }))),
    )
    behind.broker.deleteTopic('beside')
    await behind.clock.settle()
    expect(behind.told).toEqual(['batch UnknownTopicOrPartitionError'])
  })

  it('counts by the options that its topic is given meanwhile', async () => {
    const { broker, clock } = testBroker()
    const log = broker.createTopic('log', { retentionRecords: 1, whenFull: 'wait' })
    const group = broker.createGroup('g', { topics: ['log'] })
    const producer = broker.producer()
    const value = new Uint8Array(100)
    const sent = ['a', 'b', 'c', 'd'].map(key => producer.send({ topic: 'log', key, value }))
    void Promise.allSettled(sent)
    log.alter({ retentionRecords: null, retentionBytes: 250 })
    await clock.settle()
    expect(log.records().map(({ key }) => key)).toEqual(['a', 'b'])
    group.setOffsets([{ ...log0, offset: 1 }])
    await clock.settle()
    expect(log.records().map(({ key }) => key)).toEqual(['b', 'c'])
    log.alter({ maxMessageBytes: 50 })
    await expect(sent[3]).rejects.toMatchObject({ code: 'MESSAGE_TOO_LARGE' })
  })

  it('counts by them as a batch, too', async () => {
    const { broker, clock } = testBroker()
    const log = broker.createTopic('log', { retentionRecords: 2, whenFull: 'wait', segmentRecords: 1 })
    const group = broker.createGroup('g', { topics: ['log'] })
    const producer = broker.producer()
    const value = new Uint8Array(100)
    const batch = (keys: readonly string[]) =>
      outcomeOf(producer.sendBatch(keys.map(key => ({ topic: 'log', key, value }))))
    const sent = [batch(['a', 'b']), batch(['c', 'd'])]
    // From now on it is bytes that count: one more record would fit, and not the two that wait.
    log.alter({ retentionRecords: null, retentionBytes: 303 })
    await clock.settle()
    expect(sent).toEqual([['written'], []])
    group.setOffsets([{ ...log0, offset: 1 }])
    await clock.settle()
    expect([sent, log.records().map(({ key }) => key)]).toEqual([
      [['written'], ['written']],
      ['b', 'c', 'd'],
    ])
  })

  it('is refused where its time has become too old for its topic when there is room', async () => {
    const { clock, producer, told, follow, commit, values } = full({ messageTimestampBeforeMaxMs: 1000 })
    follow('old', producer.send({ topic: 'log', value: 'a', timestamp: clock.now() }))
    follow('next', producer.send({ topic: 'log', value: 'b' }))
    await clock.advance(1001)
    commit(1)
    await clock.settle()
    expect(told).toEqual(['old InvalidTimestampError', 'next at 3'])
    expect(values()).toEqual([1, 2, 'b'])
  })

  it('is not told of any more once it has gone on, while others wait', async () => {
    const { broker, clock } = testBroker()
    const log = broker.createTopic('log', { partitions: 2, retentionRecords: 1, whenFull: 'wait' })
    const group = broker.createGroup('g', { topics: ['log'] })
    const sent = [0, 1].map(partition => {
      log.append({ value: 0, partition })
      return broker.producer().send({ topic: 'log', value: 1, partition })
    })
    void Promise.allSettled(sent)
    group.setOffsets([{ ...log0, offset: 1 }])
    await sent[0]
    const idle = rejectionOf(broker.idle({ timeoutMs: 100 }))
    await clock.advance(100)
    expect((await idle).message).toMatch(
      /^Waited 100 ms for the broker to be idle: a send to log-1 waits for room/,
    )
  })

  it('a batch does not wait for one topic where another one refuses it, whichever comes first', async () => {
    const { broker, clock, follow, told, producer } = full()
    const strict = broker.createTopic('strict', { retentionRecords: 1, whenFull: 'reject' })
    strict.append({ value: 0 })
    for (const topics of [
      ['log', 'strict'],
      ['strict', 'log'],
    ]) {
      follow(topics.join(), producer.sendBatch(topics.map(name => ({ topic: name, value: 'x' }))))
    }
    await clock.settle()
    expect(told).toEqual(['log,strict QueueFullError', 'strict,log QueueFullError'])
  })

  it('a batch does not wait for room in the broker, either, where one of its topics refuses', async () => {
    const { broker, clock } = testBroker({ maxRecords: 3 })
    const log = broker.createTopic('log', { whenFull: 'wait' })
    for (const name of ['strict', 'feed']) {
      broker.createTopic(name, { whenFull: name === 'strict' ? 'reject' : 'drop-oldest' })
    }
    const group = broker.createGroup('g', { topics: ['log'] })
    for (let value = 0; value < 3; value++) log.append({ value })
    const batch = (topics: readonly string[]) =>
      outcomeOf(broker.producer().sendBatch(topics.map(name => ({ topic: name, value: 'x' }))))
    const refused = [batch(['log', 'strict']), batch(['strict', 'log']), batch(['feed', 'strict'])]
    const waiting = batch(['log', 'feed'])
    await clock.settle()
    expect([...refused, waiting]).toEqual([['QueueFullError'], ['QueueFullError'], ['QueueFullError'], []])
    group.setOffsets([{ ...log0, offset: 3 }])
    await clock.settle()
    expect(waiting).toEqual(['written'])
  })

  it('is not what a topic does that drops what is unread, where the broker keeps the records of others alone', async () => {
    const { broker, clock } = testBroker({ maxRecords: 1 })
    broker.createTopic('kept', { whenFull: 'wait' }).append({ value: 0 })
    broker.createGroup('g', { topics: ['kept'] })
    broker.createTopic('feed')
    const told = outcomeOf(broker.producer().send({ topic: 'feed', value: 1 }))
    await clock.settle()
    expect(told).toEqual(['QueueFullError'])
  })

  it('for room in the broker, it keeps nobody from writing who may drop what is unread', async () => {
    const { broker, clock } = testBroker({ maxRecords: 4 })
    const kept = broker.createTopic('kept', { whenFull: 'wait' })
    const log = broker.createTopic('log')
    for (const topic of [kept, kept, log, log]) topic.append({ value: 'former' })
    const batch = [1, 2, 3].map(value => ({ topic: 'kept', value }))
    const told = outcomeOf(broker.producer().sendBatch(batch))
    await clock.settle()
    log.append({ value: 'new' })
    await clock.settle()
    expect([told, log.records().map(({ value }) => value)]).toEqual([[], ['former', 'new']])
  })

  it('whoever would have to follow a send that waits elsewhere is refused in the name of its own partition', async () => {
    const { broker, clock, told, follow, producer } = full()
    const feed = broker.createTopic('feed')
    const strict = broker.createTopic('strict', { retentionRecords: 5, whenFull: 'reject' })
    follow('batch', producer.sendBatch(['feed', 'strict', 'log'].map(name => ({ topic: name, value: 'x' }))))
    const late = (name: string) => producer.send({ topic: name, value: 1 }, { timeoutMs: 0 })
    for (const [name, error] of [
      ['feed', thrownBy(() => feed.append({ value: 1 }))],
      ['strict', thrownBy(() => strict.append({ value: 1 }))],
      ['feed', await rejectionOf(late('feed'))],
      ['strict', await rejectionOf(late('strict'))],
    ] as const) {
      expect(error).toMatchObject({ name: 'QueueFullError', topic: name, partition: 0 })
      expect(error.message).toBe(
        `No room: an earlier send to ${name}-0 waits for room: log-0 keeps 3 records, and its retentionRecords is 3; ` +
          "group 'g' has not committed 3 of them",
      )
    }
    // The topic that refuses lets nobody wait; the other one does.
    follow('strict', producer.send({ topic: 'strict', value: 2 }))
    follow('both', producer.sendBatch(['feed', 'strict'].map(name => ({ topic: name, value: 2 }))))
    follow('feed', producer.send({ topic: 'feed', value: 2 }, { timeoutMs: 50 }))
    await clock.settle()
    expect(told).toEqual(['strict QueueFullError', 'both QueueFullError'])
    await clock.advance(50)
    expect(told.slice(2)).toEqual(['feed TimeoutError'])
  })
})
