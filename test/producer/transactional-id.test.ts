import { expect, it } from 'vitest'
import { InvalidOptionError, topic } from '../../src/index.ts'
import { gate } from '../helpers/behaviours.ts'
import { rejectionOf, thrownBy } from '../helpers/errors.ts'
import { testBroker } from '../helpers/test-broker.ts'
import { transactional } from './transaction-scene.ts'

it('a transactional id that nobody uses is forgotten, and its producer may still come back', async () => {
  const { broker, clock } = testBroker({
    topics: { out: topic<number>() },
    transactionalIdExpirationMs: 1000,
  })
  const producer = broker.producer({ transactionalId: 'tx' })
  await producer.transaction(tx => tx.send({ topic: 'out', value: 1 }))
  await clock.advance(999)
  expect(broker.engine.producerEpoch('tx')).toBe(1)
  await clock.advance(1)
  expect(broker.engine.producerEpoch('tx')).toBeUndefined()
  await producer.transaction(tx => tx.send({ topic: 'out', value: 2 }))
  expect(broker.engine.producerEpoch('tx')).toBe(2)
})

it('the time until a transactional id is forgotten begins anew with the end of each transaction', async () => {
  const { broker, clock } = testBroker({
    topics: { out: topic<number>() },
    transactionalIdExpirationMs: 1000,
  })
  const producer = broker.producer({ transactionalId: 'tx' })
  await producer.transaction(tx => tx.send({ topic: 'out', value: 1 }))
  await clock.advance(600)
  await producer.transaction(tx => tx.send({ topic: 'out', value: 2 }))
  await clock.advance(600)
  expect(broker.engine.producerEpoch('tx')).toBe(2)
  const { opened, open } = gate()
  const slow = producer.transaction(async tx => {
    await tx.send({ topic: 'out', value: 3 })
    await opened
  })
  await clock.advance(1000)
  expect(broker.engine.producerEpoch('tx')).toBe(2)
  open()
  await slow
  await clock.advance(999)
  expect(broker.engine.producerEpoch('tx')).toBe(3)
  await clock.advance(1)
  expect(broker.engine.producerEpoch('tx')).toBeUndefined()
})

it('a transactional id that is used now and then is forgotten so long after its last use', async () => {
  const { broker, clock } = testBroker({
    topics: { out: topic<number>() },
    transactionalIdExpirationMs: 1000,
  })
  const producer = broker.producer({ transactionalId: 'tx' })
  const use = () => producer.transaction(tx => tx.send({ topic: 'out', value: 1 }))
  await use()
  await clock.advance(600)
  await use()
  await clock.advance(999)
  expect(broker.engine.producerEpoch('tx')).toBe(2)
  await clock.advance(1)
  expect(broker.engine.producerEpoch('tx')).toBeUndefined()
})

it('a transactional id that was asked for, and never used, is forgotten, too', async () => {
  const { broker, clock } = testBroker({ transactionalIdExpirationMs: 1000 })
  broker.engine.initTransactions('tx', 100)
  await clock.advance(999)
  expect(broker.engine.producerEpoch('tx')).toBe(0)
  await clock.advance(1)
  expect(broker.engine.producerEpoch('tx')).toBeUndefined()
})

it('a transactional id is remembered for ever where its time is -1', async () => {
  const { broker, clock } = testBroker({
    topics: { out: topic<number>() },
    transactionalIdExpirationMs: -1,
  })
  await broker.producer({ transactionalId: 'tx' }).transaction(tx => tx.send({ topic: 'out', value: 1 }))
  await clock.advance(365 * 86_400_000)
  expect(broker.engine.producerEpoch('tx')).toBe(1)
})

it('a producer takes the place of one with its id also where that has nothing open', async () => {
  const { broker, producer, values } = transactional()
  await producer.transaction(tx => tx.send({ topic: 'out', value: 1 }))
  const restarted = broker.producer({ transactionalId: 'tx' })
  await restarted.transaction(tx => tx.send({ topic: 'out', value: 2 }))
  const late = rejectionOf(producer.transaction(tx => tx.send({ topic: 'out', value: 3 })))
  expect((await late).name).toBe('ProducerFencedError')
  expect(values()).toEqual([1, 2])
})

it.each([
  [{ transactionalId: '' }, 'transactionalId'],
  [{ transactionTimeoutMs: 1000 }, 'transactionTimeoutMs'],
  [{ transactionalId: 'a', transactionTimeoutMs: 0 }, 'transactionTimeoutMs'],
  [{ transactionalId: 'a', idempotent: false }, 'idempotent'],
  [{ idempotent: 'yes' as never }, 'idempotent'],
])('refuses the options %o', (options, option) => {
  const { broker } = testBroker()
  const error = thrownBy(() => broker.producer(options))
  expect(error).toBeInstanceOf(InvalidOptionError)
  expect(error).toMatchObject({ option })
})
