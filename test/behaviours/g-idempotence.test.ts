import { describe, expect, it } from 'vitest'
import { InvalidProducerEpochError, OutOfOrderSequenceError } from '../../src/index.ts'
import { appendSequenced } from '../../src/server/sequenced-append.ts'
import type { TopicOptions } from '../../src/topic-definition.ts'
import { batchOf } from '../helpers/batches.ts'
import { thrownBy } from '../helpers/errors.ts'
import { testBroker } from '../helpers/test-broker.ts'

const day = 24 * 60 * 60 * 1000

/** Batches as they come over a wire: each says which of its producer's it is. */
function wire(options: Parameters<typeof testBroker>[0] = {}, topicOptions: TopicOptions = {}) {
  const { broker, clock } = testBroker(options)
  broker.createTopic('log', { partitions: 2, ...topicOptions })
  const log = broker.topic('log')
  const producerId = broker.engine.newProducerId()
  const append = (
    baseSequence: number,
    values: readonly unknown[],
    { partition = 0, producerEpoch = 0, id = producerId } = {},
  ) =>
    appendSequenced(
      broker.engine,
      { topic: log as never, partition },
      { producerId: id, producerEpoch, baseSequence },
      batchOf(values, clock.now()),
    )
  const values = (partition = 0) => log.partitions[partition]!.read(0).map(({ value }) => value)
  return { broker, clock, log, producerId, append, values }
}

describe('G. idempotence', () => {
  it('[84] a repeated batch is written once, and answers with the offset that it has', () => {
    const { append, values } = wire()
    expect(append(0, ['a', 'b'])).toEqual({ baseOffset: 0, duplicate: false })
    expect(append(2, ['c'])).toEqual({ baseOffset: 2, duplicate: false })
    expect(append(0, ['a', 'b'])).toEqual({ baseOffset: 0, duplicate: true })
    expect(append(2, ['c'])).toEqual({ baseOffset: 2, duplicate: true })
    expect(append(3, ['d'])).toEqual({ baseOffset: 3, duplicate: false })
    expect(values()).toEqual(['a', 'b', 'c', 'd'])
  })

  it('[84] the last five batches of a producer are known again, and none before', () => {
    const { append, values } = wire()
    for (let i = 0; i < 6; i++) append(i, [i])
    for (let i = 1; i < 6; i++) expect(append(i, [i])).toEqual({ baseOffset: i, duplicate: true })
    const error = thrownBy(() => append(0, [0]))
    expect(error).toBeInstanceOf(OutOfOrderSequenceError)
    expect(values()).toEqual([0, 1, 2, 3, 4, 5])
  })

  it('[84] a gap is refused with OUT_OF_ORDER_SEQUENCE_NUMBER, and nothing is written', () => {
    const { append, values } = wire()
    append(0, ['a'])
    expect(thrownBy(() => append(2, ['c']))).toMatchObject({
      code: 'OUT_OF_ORDER_SEQUENCE_NUMBER',
      errno: 45,
      retriable: false,
      topic: 'log',
      partition: 0,
      expected: '1',
      received: 2,
    })
    // The same numbers cut another way are no batch that was written.
    append(1, ['b', 'c'])
    expect(thrownBy(() => append(1, ['b']))).toBeInstanceOf(OutOfOrderSequenceError)
    expect(values()).toEqual(['a', 'b', 'c'])
  })

  it('[84] each partition counts for itself, and so does each producer', () => {
    const { broker, append, values } = wire()
    append(0, ['a'])
    append(0, ['x'], { partition: 1 })
    const id = broker.engine.newProducerId()
    append(0, ['other'], { id })
    append(1, ['b'])
    expect([values(0), values(1)]).toEqual([['a', 'other', 'b'], ['x']])
  })

  it('[84] a newer epoch begins anew at 0, and an older one is refused', () => {
    const { append, values } = wire()
    append(0, ['a'])
    expect(thrownBy(() => append(1, ['b'], { producerEpoch: 1 }))).toBeInstanceOf(OutOfOrderSequenceError)
    append(0, ['b'], { producerEpoch: 1 })
    const error = thrownBy(() => append(1, ['zombie'], { producerEpoch: 0 }))
    expect(error).toBeInstanceOf(InvalidProducerEpochError)
    expect(error).toMatchObject({ code: 'INVALID_PRODUCER_EPOCH', errno: 47 })
    expect(values()).toEqual(['a', 'b'])
  })

  it('[84] sequences go around after 2^31 - 1', () => {
    const { append, values } = wire()
    append(2 ** 31 - 2, ['a', 'b'])
    append(0, ['c'])
    for (const [first, next] of [
      [2 ** 31 - 1, 2],
      [2 ** 31 - 2, 1],
    ] as const) {
      const { append: across } = wire()
      across(first, ['a', 'b', 'c'])
      expect(across(next, ['d'])).toEqual({ baseOffset: 3, duplicate: false })
    }
    expect(values()).toEqual(['a', 'b', 'c'])
  })

  it('[84] a silent producer is forgotten after producerIdExpirationMs, and may then go on with any number', async () => {
    for (const producerIdExpirationMs of [undefined, 1000]) {
      const { clock, append, log } = wire(
        producerIdExpirationMs === undefined ? {} : { producerIdExpirationMs },
      )
      append(0, ['a'])
      await clock.advance((producerIdExpirationMs ?? day) - 1)
      expect(append(0, ['a']).duplicate).toBe(true)
      await clock.advance(1)
      expect(append(7, ['h'])).toEqual({ baseOffset: 1, duplicate: false })
      expect(log.partitions[0]!.producers?.size).toBe(1)
    }
  })

  it('[84] a partition knows no more than 10,000 producers', () => {
    const { append, log, values } = wire()
    for (let id = 100; id < 10_150; id++) append(0, [id], { id })
    expect([log.partitions[0]!.producers?.size, append(0, [10_149], { id: 10_149 }).duplicate]).toEqual([
      10_000,
      true,
    ])
    append(5, ['again'], { id: 100 })
    expect(values().length).toBe(500)
  })

  it('[84] what its topic refuses leaves no trace in the state', () => {
    const { append, log } = wire({}, { retentionRecords: 1, whenFull: 'reject' })
    append(0, ['a'])
    expect(thrownBy(() => append(1, ['b']))).toMatchObject({ code: 'QUEUE_FULL' })
    log.partitions[0]!.deleteRecords(1)
    expect(append(1, ['b'])).toEqual({ baseOffset: 1, duplicate: false })
  })

  it('[85] what an application sends twice is there twice', async () => {
    const { broker, values } = wire()
    const producer = broker.producer({ idempotent: true })
    const message = { topic: 'log', value: 'a', partition: 0 }
    await producer.send(message)
    await producer.send(message)
    expect(values()).toEqual(['a', 'a'])
  })
})
