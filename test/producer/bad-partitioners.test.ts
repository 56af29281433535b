import { describe, expect, it } from 'vitest'
import { InvalidRecordError, UnknownTopicOrPartitionError } from '../../src/index.ts'
import { rejectionOf } from '../helpers/errors.ts'
import { shop } from './bad-input-scene.ts'

describe('a partitioner', () => {
  it.each([
    [new RangeError('no idea'), 'no idea'],
    ['text', 'text'],
    [undefined, 'thrown undefined'],
  ])('that throws %s refuses its record only', async (thrown, text) => {
    const { broker, values } = shop()
    let failing = true
    const producer = broker.producer({
      partitioner: () => {
        if (failing) throw thrown
        return 0
      },
    })
    const error = await rejectionOf(producer.send({ topic: 'orders', value: 'bad' }))
    expect(error).toBeInstanceOf(InvalidRecordError)
    expect(error).toMatchObject({ topic: 'orders', field: 'partition', cause: thrown })
    expect(error.message).toBe(`Record for topic 'orders': the partitioner threw: ${text}`)
    failing = false
    await producer.send({ topic: 'orders', value: 'good' })
    expect(values()).toEqual(['before', 'good'])
  })

  it.each([undefined, null, 1.5, '0', Number.NaN, Promise.resolve(0), -1, 3, Number.POSITIVE_INFINITY])(
    'that answers %s is told what is expected, and writes nothing',
    async answer => {
      const { broker, values } = shop()
      const producer = broker.producer({ partitioner: () => answer as never })
      const error = await rejectionOf(producer.send({ topic: 'orders', value: 'bad' }))
      const outside = answer === -1 || answer === 3
      expect(error).toBeInstanceOf(outside ? UnknownTopicOrPartitionError : InvalidRecordError)
      expect(error).toMatchObject({ topic: 'orders', field: 'partition' })
      expect(error.message).toContain(
        outside ? `has no partition ${answer}` : 'partition expected a whole number',
      )
      expect(values()).toEqual(['before'])
    },
  )

  it('that is asynchronous is refused, without an unhandled rejection', async () => {
    const { broker, values } = shop()
    const partitioner = async () => {
      throw new Error('too late')
    }
    const producer = broker.producer({ partitioner: partitioner as never })
    const error = await rejectionOf(producer.send({ topic: 'orders', value: 'bad' }))
    expect(error.message).toBe(
      "Record for topic 'orders': partition expected a whole number, received a Promise",
    )
    expect(values()).toEqual(['before'])
  })

  it('that answers with what only looks like a promise is refused, too', async () => {
    const { broker, values } = shop()
    const answer = {
      // biome-ignore lint/suspicious/noThenProperty: that is the case
      then() {
        throw new TypeError('out of order')
      },
    }
    const producer = broker.producer({ partitioner: () => answer as never })
    const error = await rejectionOf(producer.send({ topic: 'orders', value: 'bad' }))
    expect(error).toMatchObject({ name: 'InvalidRecordError', field: 'partition' })
    expect(values()).toEqual(['before'])
  })
})
