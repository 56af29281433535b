import { AsyncLocalStorage } from 'node:async_hooks'
import { describe, expect, it } from 'vitest'
import { ClosedError, InvalidRecordError, topic } from '../../src/index.ts'
import { gate } from '../helpers/behaviours.ts'
import { rejectionOf, thrownBy } from '../helpers/errors.ts'
import { schemaOf, slowSchema } from '../helpers/schema.ts'
import { testBroker } from '../helpers/test-broker.ts'

describe('an asynchronous schema', () => {
  it('has each message written as it was sent, also where its sender goes on using the object', async () => {
    const { broker } = testBroker()
    broker.createTopic('slow', { schema: schemaOf(async value => ({ value })), partitions: 3 })
    broker.createTopic('plain', { partitions: 3 })
    const producer = broker.producer()
    const headers: Record<string, string> = { by: 'shop' }
    const pairs: [string, string][] = [['by', 'shop']]
    const message = { topic: 'slow', key: 'a', value: 1, partition: 1, headers }
    const list = [message, { ...message, headers: pairs }]
    const sends = [producer.send(message), producer.send(message), producer.sendBatch(list)]
    Object.assign(message, { topic: 'plain', key: 'b', value: 2, partition: 2 })
    Object.assign(headers, { by: 'nobody', more: '1' })
    pairs[0]![1] = 'nobody'
    pairs.push(['more', '1'])
    list.push(message)
    await Promise.all(sends)
    const written = [...broker.topic('slow').records(), ...broker.topic('plain').records()]
    expect(written).toHaveLength(4)
    for (const record of written)
      expect(record).toMatchObject({
        topic: 'slow',
        key: 'a',
        value: 1,
        partition: 1,
        headers: { by: 'shop' },
      })
    expect(written.map(record => Object.keys(record.headers))).toEqual(written.map(() => ['by']))
  })

  it('refuses a batch for the message that cannot be read, and leaves no rejection behind for the one before', async () => {
    const { broker } = testBroker()
    broker.createTopic('slow', { schema: schemaOf(async () => ({ issues: [{ message: 'never' }] })) })
    const unhandled: unknown[] = []
    const note = (error: unknown) => unhandled.push(error)
    process.on('unhandledRejection', note)
    const bad = {
      topic: 'slow',
      get value(): unknown {
        throw new Error('gone')
      },
    }
    const error = await rejectionOf(broker.producer().sendBatch([{ topic: 'slow', value: 1 }, bad]))
    await new Promise(resolve => setImmediate(resolve))
    process.off('unhandledRejection', note)
    expect(error).toMatchObject({ name: 'InvalidRecordError', cause: new Error('gone') })
    expect(unhandled).toEqual([])
  })

  it('leaves no rejection behind where it sends something itself, for which what it refuses has to wait', async () => {
    const { schema, waiting } = slowSchema()
    const { broker, clock } = testBroker()
    const producer = broker.producer()
    const refusing = schemaOf(async value => {
      void producer.send({ topic: 'audit', value })
      return { issues: [{ message: 'never' }] }
    })
    broker.createTopic('audit', { schema })
    broker.createTopic('orders', { schema: refusing })
    const unhandled: unknown[] = []
    const note = (error: unknown) => unhandled.push(error)
    process.on('unhandledRejection', note)
    for (const send of [
      () => producer.send({ topic: 'orders', value: 1 }),
      () => producer.sendBatch([{ topic: 'orders', value: 1 }]),
    ]) {
      const refused = rejectionOf(send())
      await clock.settle()
      waiting.shift()!.pass()
      expect(await refused).toBeInstanceOf(InvalidRecordError)
    }
    await new Promise(resolve => setImmediate(resolve))
    process.off('unhandledRejection', note)
    expect(unhandled).toEqual([])
  })

  it('keeps the order of the sends, of other topics too', async () => {
    const { schema, waiting } = slowSchema()
    const { broker, clock } = testBroker()
    broker.createTopic('slow', { schema })
    broker.createTopic('plain')
    const producer = broker.producer()
    const done: string[] = []
    const note = (name: string) => () => void done.push(name)
    const sends = [
      producer.send({ topic: 'slow', value: 'a' }).then(note('a')),
      producer.send({ topic: 'plain', value: 'b' }).then(note('b')),
      producer
        .sendBatch([
          { topic: 'slow', value: 'c' },
          { topic: 'slow', value: 'd' },
        ])
        .then(note('cd')),
      producer.send({ topic: 'plain', value: 'e' }).then(note('e')),
    ]
    // Another producer does not wait for this one.
    await broker.producer().send({ topic: 'plain', value: 'other' })
    await clock.settle()
    expect([done, broker.describe().records]).toEqual([[], 1])
    while (done.length < 4) {
      waiting.shift()?.pass()
      await clock.settle()
    }
    await Promise.all(sends)
    expect(done).toEqual(['a', 'b', 'cd', 'e'])
    expect(
      broker
        .topic('slow')
        .records()
        .map(record => record.value),
    ).toEqual(['a', 'c', 'd'])
    expect(
      broker
        .topic('plain')
        .records()
        .map(record => record.value),
    ).toEqual(['other', 'b', 'e'])
    // The queue is empty, so a send is synchronous again.
    void producer.send({ topic: 'plain', value: 'f' })
    expect(broker.topic('plain').records().at(-1)!.value).toBe('f')
  })

  it('runs in the async context of its own send, also where that has waited its turn', async () => {
    const tenant = new AsyncLocalStorage<string>()
    const seen: string[] = []
    const { broker } = testBroker()
    const schema = schemaOf(async value => {
      seen.push(`${value} for ${tenant.getStore()}`)
      return { value }
    })
    broker.createTopic('slow', { schema })
    const producer = broker.producer()
    const send = (value: string) =>
      tenant.run(`tenant ${value}`, () => producer.send({ topic: 'slow', value }))
    await Promise.all([send('a'), send('b'), send('c')])
    expect(seen).toEqual(['a for tenant a', 'b for tenant b', 'c for tenant c'])
  })

  it('that refuses or fails rejects its own send only', async () => {
    const { schema, waiting } = slowSchema()
    const { broker, clock } = testBroker()
    broker.createTopic('slow', { schema })
    const producer = broker.producer()
    const sends = ['a', 'b', 'c', 'd'].map(value => producer.send({ topic: 'slow', value }))
    const settled = Promise.allSettled(sends)
    const cause = new RangeError('no connection')
    const answers = [0, 1, 2, 3]
    for (const i of answers) {
      await clock.settle()
      const next = waiting.shift()!
      if (i === 1) next.refuse('never b')
      else if (i === 2) next.fail(cause)
      else next.pass()
    }
    const [a, b, c, d] = await settled
    expect([a!.status, b!.status, c!.status, d!.status]).toEqual([
      'fulfilled',
      'rejected',
      'rejected',
      'fulfilled',
    ])
    expect((b as PromiseRejectedResult).reason).toMatchObject({
      name: 'InvalidRecordError',
      topic: 'slow',
      message: "Record for topic 'slow': its schema refused the value: never b",
      issues: [{ message: 'never b' }],
    })
    expect((c as PromiseRejectedResult).reason).toMatchObject({
      name: 'InvalidRecordError',
      message: "Record for topic 'slow': its schema threw: no connection",
      cause,
    })
    expect(
      broker
        .topic('slow')
        .records()
        .map(record => record.value),
    ).toEqual(['a', 'd'])
  })

  it('holds a batch together: one refused record writes none of it', async () => {
    const { schema, waiting } = slowSchema()
    const { broker, clock } = testBroker()
    broker.createTopic('slow', { schema })
    broker.createTopic('plain')
    const batch = broker.producer().sendBatch([
      { topic: 'plain', value: 1 },
      { topic: 'slow', value: 2 },
      { topic: 'slow', value: 3 },
    ])
    const refused = rejectionOf(batch)
    waiting.shift()!.pass()
    await clock.settle()
    waiting.shift()!.refuse('no')
    expect(await refused).toBeInstanceOf(InvalidRecordError)
    expect(broker.describe().records).toBe(0)
  })

  it('is refused by append, which cannot wait, without an unhandled rejection', async () => {
    const { schema, waiting } = slowSchema()
    const { broker, clock } = testBroker()
    broker.createTopic('slow', { schema })
    const error = thrownBy(() => broker.topic('slow').append({ value: 1 }))
    expect(error).toBeInstanceOf(InvalidRecordError)
    expect(error).toMatchObject({ topic: 'slow', field: 'value' })
    expect(error.message).toContain('which append cannot wait for; use producer.send')
    waiting.shift()!.fail(new Error('later'))
    await clock.settle()
    expect(broker.describe().records).toBe(0)
  })

  it('that answers after its send was given up has written nothing: by a close, or by its signal', async () => {
    const { schema, waiting } = slowSchema()
    const { broker, clock } = testBroker({ topics: { orders: topic({ schema }) } })
    const producer = broker.producer()
    const controller = new AbortController()
    const aborted = rejectionOf(producer.send({ topic: 'orders', value: 1 }, { signal: controller.signal }))
    const closed = [
      rejectionOf(producer.send({ topic: 'orders', value: 2 })),
      rejectionOf(producer.sendBatch([{ topic: 'orders', value: 3 }])),
    ]
    const reason = new Error('not any more')
    // It has answered, but nothing was written yet.
    waiting[0]!.pass()
    controller.abort(reason)
    expect(await aborted).toBe(reason)
    const closing = producer.close({ timeoutMs: 100 })
    await clock.advance(100)
    await closing
    for (let i = 1; i < 3; i++) {
      await clock.settle()
      waiting[i]!.pass()
    }
    for (const error of await Promise.all(closed)) {
      expect(error).toBeInstanceOf(ClosedError)
      expect(error.message).toBe("Producer 'producer' was closed; nothing of this send was written")
    }
    expect(broker.topic('orders').records()).toEqual([])
  })

  it('that never answers keeps nobody waiting who gives a send up, nor those behind it', async () => {
    const { schema } = slowSchema()
    const { broker, clock } = testBroker({ topics: { orders: topic({ schema }), plain: topic() } })
    const producer = broker.producer()
    const controller = new AbortController()
    const { signal } = controller
    const stuck = rejectionOf(producer.send({ topic: 'orders', value: 1 }, { signal }))
    const behind = rejectionOf(producer.send({ topic: 'orders', value: 2 }, { signal }))
    const next = producer.send({ topic: 'plain', value: 3 })
    const reason = new Error('not any more')
    controller.abort(reason)
    expect([await stuck, await behind, (await next).offset]).toEqual([reason, reason, 0])
    await clock.settle()
    expect(broker.topic('orders').records()).toEqual([])
  })

  it('that answers later is waited for by a batch behind it, too', async () => {
    const { schema, waiting } = slowSchema()
    const { broker, clock } = testBroker({ topics: { orders: topic({ schema }), plain: topic<number>() } })
    const producer = broker.producer()
    const first = producer.send({ topic: 'orders', value: 1 })
    const batch = producer.sendBatch([{ topic: 'plain', value: 2 }])
    await clock.settle()
    expect(broker.describe().records).toBe(0)
    waiting[0]!.pass()
    await Promise.all([first, batch])
    expect(broker.topic('plain').records()).toHaveLength(1)
    expect(broker.engine.clients.size).toBe(0)
  })

  it('that answers later lets records without a key go round the partitions, too', async () => {
    const { schema, waiting } = slowSchema()
    const { broker, clock } = testBroker({ topics: { orders: topic({ schema, partitions: 3 }) } })
    const producer = broker.producer()
    const sent = [1, 2, 3].map(value => producer.send({ topic: 'orders', value }))
    for (let i = 0; i < 3; i++) {
      await clock.settle()
      waiting[i]!.pass()
    }
    expect(new Set((await Promise.all(sent)).map(({ partition }) => partition)).size).toBe(3)
  })

  it('that never answers leaves nothing behind of a send that was given up', async () => {
    const { schema } = slowSchema()
    const { broker, clock } = testBroker({ topics: { orders: topic({ schema }) } })
    const controller = new AbortController()
    const { signal } = controller
    const stuck = rejectionOf(broker.producer().send({ topic: 'orders', value: 1 }, { signal }))
    expect(broker.engine.clients.size).toBe(1)
    controller.abort(new Error('not any more'))
    await stuck
    await clock.settle()
    expect(broker.engine.clients.size).toBe(0)
  })

  it.each(['producer', 'broker'] as const)(
    'that never answers is not waited for longer than the close of its %s may take',
    async who => {
      const { schema } = slowSchema()
      const { broker, clock } = testBroker({ topics: { orders: topic({ schema }) } })
      const producer = broker.producer()
      const atomic = broker.producer({ transactionalId: 'shop' })
      const value = { id: 1 }
      const refused = [
        rejectionOf(producer.send({ topic: 'orders', value })),
        rejectionOf(producer.send({ topic: 'orders', value })),
        rejectionOf(producer.sendBatch([{ topic: 'orders', value }])),
        rejectionOf(atomic.transaction(tx => tx.send({ topic: 'orders', value }))),
        rejectionOf(atomic.transaction(tx => tx.sendBatch([{ topic: 'orders', value }]))),
      ]
      await clock.settle()
      const closing =
        who === 'broker'
          ? broker.close({ timeoutMs: 100 })
          : Promise.all([producer, atomic].map(each => each.close({ timeoutMs: 100 })))
      await clock.advance(100)
      await closing
      for (const error of await Promise.all(refused)) {
        expect(error).toBeInstanceOf(ClosedError)
        expect(error.message).toMatch(
          /^Producer 'producer' was closed; nothing of this (send|transaction) was written$/,
        )
      }
    },
  )

  it('that never answers is not waited for longer than its transaction may take', async () => {
    const { schema } = slowSchema()
    const { broker, clock } = testBroker({ topics: { orders: topic({ schema }), plain: topic<number>() } })
    const producer = broker.producer({ transactionalId: 'shop', transactionTimeoutMs: 100 })
    const later: unknown[] = []
    const stuck = rejectionOf(
      producer.transaction(async tx => {
        const sent = [1, 2].map(value => rejectionOf(tx.send({ topic: 'orders', value })))
        const [first, second] = await Promise.all(sent)
        later.push(first, second, await rejectionOf(tx.send({ topic: 'orders', value: 3 })))
        throw first
      }),
    )
    await clock.advance(100)
    expect(await stuck).toMatchObject({
      name: 'TransactionAbortedError',
      transactionalId: 'shop',
      message:
        "The transaction of 'shop' took longer than transactionTimeoutMs (100); nothing of this send counts",
    })
    expect(later).toEqual([later[0], later[0], later[0]])
    await producer.transaction(tx => tx.send({ topic: 'plain', value: 4 }))
    expect(broker.topic('plain').records()).toHaveLength(1)
  })

  it('that is asked only after the time of its transaction is over is not waited for at all', async () => {
    const { schema } = slowSchema()
    const { broker, clock } = testBroker({ topics: { orders: topic({ schema }) } })
    const producer = broker.producer({ transactionalId: 'shop', transactionTimeoutMs: 100 })
    const { opened, open } = gate()
    const ended: string[] = []
    producer
      .transaction(async tx => {
        await opened
        await tx.send({ topic: 'orders', value: 1 })
      })
      .catch((error: Error) => ended.push(error.name))
    await clock.advance(100)
    open()
    await clock.settle()
    expect(ended).toEqual(['TransactionAbortedError'])
  })

  it('that answers later is waited for by the close of its producer', async () => {
    const { schema, waiting } = slowSchema()
    const { broker, clock } = testBroker({ topics: { orders: topic({ schema }) } })
    const producer = broker.producer()
    const sent = producer.send({ topic: 'orders', value: 1 })
    let closed = false
    const closing = producer.close().then(() => {
      closed = true
    })
    await clock.settle()
    expect(closed).toBe(false)
    waiting[0]!.pass()
    await closing
    expect((await sent).offset).toBe(0)
  })

  it('counts as work that idle waits for', async () => {
    const { schema, waiting } = slowSchema()
    const { broker, clock } = testBroker()
    broker.createTopic('slow', { schema })
    const producer = broker.producer({ clientId: 'shop' })
    const sent = producer.send({ topic: 'slow', value: 1 })
    let idle = false
    const resting = broker.idle().then(() => {
      idle = true
    })
    await clock.settle()
    expect(idle).toBe(false)
    waiting.shift()!.pass()
    await Promise.all([sent, resting])
    const stuck = producer.send({ topic: 'slow', value: 2 })
    const timedOut = rejectionOf(broker.idle({ timeoutMs: 10 }))
    await clock.advance(10)
    expect((await timedOut).message).toContain("Producer 'shop' has 1 sends waiting")
    waiting.shift()!.pass()
    await stuck
  })
})
