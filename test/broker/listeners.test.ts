import { describe, expect, it } from 'vitest'
import { topic } from '../../src/index.ts'
import { fill } from '../helpers/behaviours.ts'
import { thrownBy } from '../helpers/errors.ts'
import { testBroker } from '../helpers/test-broker.ts'
import { collectWarnings } from '../helpers/warnings.ts'

const warnings = collectWarnings()

function orders() {
  return testBroker({ topics: { orders: topic<number>() } })
}

describe('a listener that throws', () => {
  it.each([new Error('boom'), 'boom', { why: 'boom' }, null])(
    "becomes an 'error' event with what it threw (%j); the other listeners and the call go on",
    thrown => {
      const { broker } = orders()
      const log: unknown[] = []
      broker.on('error', error => log.push(['error', error]))
      broker.on('topicCreated', () => {
        throw thrown
      })
      broker.on('topicCreated', ({ topic: name }) => log.push(name))
      const made = broker.createTopic('payments')
      expect(made.name).toBe('payments')
      expect(log).toEqual([['error', thrown], 'payments'])
      expect(warnings).toEqual([])
    },
  )

  it("warns the process where nobody listens to 'error'", async () => {
    const { broker, clock } = orders()
    broker.on('topicCreated', () => {
      throw new Error('boom')
    })
    broker.createTopic('payments')
    await clock.settle()
    expect(warnings).toEqual(["Broker: an error that no 'error' listener handled: boom"])
    expect([...broker.topics.keys()]).toEqual(['orders', 'payments'])
  })

  it("is warned about, once, where it listens to 'error' itself; the other ones hear of the first error", async () => {
    const { broker, clock } = orders()
    const heard: unknown[] = []
    const first = new Error('first')
    broker.on('error', () => {
      throw new Error('second')
    })
    broker.on('error', error => heard.push(error))
    broker.on('topicCreated', () => {
      throw first
    })
    broker.createTopic('payments')
    await clock.settle()
    expect(heard).toEqual([first])
    expect(warnings).toEqual(["Broker: an error that no 'error' listener handled: second"])
    broker.createTopic('invoices')
    expect(heard).toEqual([first, first])
    await clock.settle()
    expect(warnings).toHaveLength(2)
  })

  it('is told in the same way where it is asynchronous and rejects, and never as an unhandled rejection', async () => {
    const { broker, clock } = orders()
    const heard: unknown[] = []
    const first = new Error('first')
    const fail = async (event: unknown) => {
      heard.push(event)
      throw first
    }
    broker.on('topicCreated', fail).on('error', fail)
    broker.createTopic('payments')
    await clock.settle()
    expect(heard).toEqual([{ topic: 'payments', partitions: 1 }, first])
    expect(warnings).toEqual(["Broker: an error that no 'error' listener handled: first"])
    broker.off('topicCreated', fail)
    broker.createTopic('invoices')
    await clock.settle()
    expect(heard).toHaveLength(2)
  })

  it('does not keep a record from being written, delivered or committed', async () => {
    const { broker } = orders()
    const errors: unknown[] = []
    const fail = (name: string) => () => {
      throw new Error(name)
    }
    broker.on('error', error => errors.push((error as Error).message))
    for (const name of ['groupCreated', 'memberJoined', 'rebalanced', 'memberLeft'] as const)
      broker.on(name, fail(name))
    fill(broker as never, 'orders', 2)
    const reader = broker.consumer({ groupId: 'g', topics: ['orders'] })
    reader.on('error', error => errors.push(`consumer: ${(error as Error).message}`))
    for (const name of ['assigned', 'committed', 'revoked', 'closed'] as const) reader.on(name, fail(name))
    const read: number[] = []
    await reader.run({ eachRecord: record => void read.push(record.value) })
    await broker.idle()
    fill(broker as never, 'orders', 1)
    await broker.idle()
    await reader.close()
    expect(read).toEqual([0, 1, 2])
    expect(broker.group('g').committed({ topic: 'orders', partition: 0 })).toEqual({ offset: 3 })
    expect(errors).toEqual([
      'groupCreated',
      'memberJoined',
      'rebalanced',
      'consumer: assigned',
      'consumer: committed',
      'consumer: committed',
      'consumer: revoked',
      'memberLeft',
      'rebalanced',
      'consumer: closed',
    ])
  })

  it('is taken off like any other', () => {
    const { broker } = orders()
    const errors: unknown[] = []
    const boom = () => {
      throw new Error('boom')
    }
    broker.on('error', error => errors.push(error))
    broker.on('topicCreated', boom).on('topicDeleted', boom)
    broker.off('topicCreated', boom)
    broker.createTopic('payments')
    expect(errors).toHaveLength(0)
    broker.deleteTopic('payments' as never)
    expect(errors).toHaveLength(1)
    broker.once('topicCreated', boom)
    broker.createTopic('invoices')
    broker.createTopic('refunds')
    expect(errors).toHaveLength(2)
  })
})

describe('a listener', () => {
  it('sees the core after the call is complete, and may call it again', () => {
    const { broker } = orders()
    const log: string[] = []
    broker.on('topicCreated', ({ topic: name }) => {
      log.push(`${name} of ${broker.topics.size}`)
      if (name === 'a') {
        broker.createTopic('b')
        log.push('b is made')
      }
    })
    broker.createTopic('a')
    expect(log).toEqual(['a of 2', 'b is made', 'b of 3'])
  })

  it.each([undefined, null, 'log', {}])('must be a function, which %j is not', listener => {
    const { broker } = orders()
    const reader = broker.consumer({ groupId: 'g', topics: ['orders'] })
    for (const emitter of [broker, reader] as unknown as (typeof broker)[]) {
      for (const method of ['on', 'once'] as const) {
        const error = thrownBy(() => emitter[method]('error' as never, listener as never))
        expect(error).toMatchObject({
          name: 'InvalidArgumentError',
          code: 'INVALID_REQUEST',
          field: 'listener',
        })
        expect(error.message).toMatch(/^on\('error'\): expected a function, received /)
      }
    }
  })

  it('must be for an event that there is: a misspelt one would never come', () => {
    const { broker } = orders()
    const reader = broker.consumer({ groupId: 'g', topics: ['orders'] })
    const messages = ([broker, reader] as unknown as (typeof broker)[]).flatMap(emitter =>
      (['on', 'once', 'off'] as const).map(method => {
        const error = thrownBy(() => emitter[method]('comitted' as never, () => {}))
        expect(error).toMatchObject({ name: 'InvalidArgumentError', field: 'name', received: 'comitted' })
        return error.message
      }),
    )
    const ofConsumer = "Consumer 'consumer' of group 'g' has no event 'comitted'. Did you mean 'committed'?"
    const ofBroker = expect.stringMatching(
      /^Broker has no event 'comitted'; known events: topicCreated, .*\brebalanced\b.*, closed, error$/,
    )
    expect([...new Set(messages)]).toEqual([ofBroker, ofConsumer])
  })
})
