import { describe, expect, it } from 'vitest'
import { ClosedError } from '../../src/errors.ts'
import { topic } from '../../src/index.ts'
import type { Scenario } from '../../src/testing/scenario.ts'
import type { Step } from '../../src/testing/schedule.ts'
import { SimulatedFaultError } from '../../src/testing/simulated-broker.ts'
import { SimulationRun } from '../../src/testing/simulation-run.ts'
import type { TestBroker } from '../../src/testing/test-broker.ts'
import { rejectionOf } from '../helpers/errors.ts'

const topics = { orders: topic<number>(), invoices: topic<number>() }
type Service = Scenario<typeof topics>['services'][string]

const order = { kind: 'act', name: 'order' } as const
const start = { kind: 'start', name: 'billing' } as const
const stop = { kind: 'stop' } as const
const crash = { kind: 'crash' } as const
const time = (ms: number) => ({ kind: 'time', ms }) as const

/** Runs these steps, and shows what they did, and which instances have billed an order in the end. */
async function simulated(billing: Service, steps: readonly Partial<Step>[], mostInstances = 1) {
  const billed: unknown[] = []
  const run = new SimulationRun<typeof topics>(
    {
      services: { billing },
      actions: { order: ({ broker, step }) => broker.producer().send({ topic: 'orders', value: step }) },
      always: undefined,
      check: broker =>
        void billed.push(
          ...broker
            .topic('invoices')
            .records()
            .map(({ headers }) => headers.by),
        ),
      promises: ['nothingLost'],
      broker: { topics },
    },
    1,
    mostInstances,
  )
  const drawn = { kind: 'turn', name: '', pick: 0, seed: 1, ms: 0, times: 1, operation: 'append' } as const
  const whole = { ...drawn, onWrite: false }
  await run.run(steps.map((step, at) => ({ ...whole, at, ...step })))
  return { billed, done: run.done.map(({ what }) => what) }
}

/** Bills orders, each within a second, under a number of its own. */
function bills(broker: TestBroker<typeof topics>, by: number, groupId = 'billing'): Promise<unknown> {
  const producer = broker.producer()
  return broker.consumer({ groupId, topics: ['orders'] }).run({
    eachRecord: async ({ value }) => {
      await broker.clock.sleep(1000)
      await producer.send({ topic: 'invoices', value, headers: { by: String(by) } })
    },
  })
}

describe('an instance whose function rejects', () => {
  const fault = new SimulatedFaultError('a fault')
  const closed = new ClosedError('closed')
  /** The first instance rejects while it has an order in hand. */
  const failing = (error: Error): Service => {
    let instances = 0
    return async broker => {
      const by = ++instances
      await bills(broker, by)
      await broker.clock.sleep(500)
      if (by === 1) throw error
    }
  }

  it.each([
    ['has died of a fault, and another bills what it had in hand', fault, [], ['2']],
    ['has died of a fault also while it stops', fault, [stop], ['2']],
    ['has died of a client that is closed', closed, [], ['2']],
    ['stops in order where its clients are closed because it stops', closed, [stop], ['1']],
  ])('%s', async (_, error, steps, expected) => {
    const { billed } = await simulated(failing(error), [order, time(100), ...steps, time(2000)])
    expect(billed).toEqual(expected)
  })

  it('has died and is replaced also where it has no consumer yet', async () => {
    let instances = 0
    const billing: Service = async broker => {
      const by = ++instances
      if (by === 1) throw fault
      await bills(broker, by)
    }
    expect((await simulated(billing, [order])).billed).toEqual(['2'])
  })
})

describe('a service that dies again and again', () => {
  const dying =
    (begin: (broker: TestBroker<typeof topics>) => unknown): Service =>
    async broker => {
      await begin(broker)
      const producer = broker.producer()
      await producer.close()
      await producer.send({ topic: 'invoices', value: 1 })
    }

  it.each([
    ['while it has a consumer', (broker: TestBroker<typeof topics>) => bills(broker, 1)],
    ['before it has one', () => {}],
  ])('fails the schedule by what it dies of, %s', async (_, begin) => {
    await expect(simulated(dying(begin), [order])).rejects.toThrow("Producer 'producer' is closed")
  })
})

it('has another instance in the place of one of whose consumers one has crashed', async () => {
  let instances = 0
  const billing: Service = async broker => {
    const by = ++instances
    await broker.consumer({ groupId: 'others', topics: ['orders'] }).run({ eachRecord: () => {} })
    if (by > 1) return void (await bills(broker, by))
    const options = { retry: { attempts: 1 }, onFailure: 'stop' } as const
    const eachRecord = () => {
      throw fault
    }
    const fault = new Error('out of order')
    await broker.consumer({ groupId: 'billing', topics: ['orders'] }).run({ ...options, eachRecord })
  }
  expect((await simulated(billing, [order])).billed).toEqual(['2'])
})

describe('an instance that crashes', () => {
  it('leaves its name at once, and what it has in hand to another one', async () => {
    let instances = 0
    const billing: Service = broker => bills(broker, ++instances)
    const { billed, done } = await simulated(billing, [order, time(100), crash, start, crash])
    expect(billed).toEqual(['3'])
    expect(done.slice(2)).toEqual(['billing-1 crashes', 'billing-1 starts', 'billing-1 crashes'])
  })

  it('fails nothing by what its function rejects with afterwards', async () => {
    let instances = 0
    const billing: Service = async broker => {
      const by = ++instances
      await bills(broker, by)
      // What does not come from the broker goes on.
      await new Promise<void>(resolve => broker.clock.setTimer(resolve, 500, { hold: true }))
      if (by === 1) throw new RangeError('not any more')
    }
    const { billed } = await simulated(billing, [order, crash, time(1000)])
    expect(billed).toEqual(['2'])
  })

  it('goes no further than to what it awaits of the broker', async () => {
    const wentOn: string[] = []
    let instances = 0
    const billing: Service = async broker => {
      if (++instances > 1) return void (await bills(broker, instances))
      const note = (what: string) => () => void wentOn.push(what)
      const consumer = broker.consumer({ groupId: 'billing', topics: ['orders'] })
      await consumer.ready()
      void broker.clock.sleep(500).finally(note('sleep'))
      void consumer.poll({ timeoutMs: 500 }).finally(note('poll'))
      void broker.clock.sleep(100).finally(note('a shorter sleep'))
      const late = { groupId: 'billing', topics: ['orders'], clientId: 'late' } as const
      broker.faults.delay({ operation: 'join', member: 'late' }, 500)
      // Nobody awaits that, so it would be an unhandled rejection.
      void broker
        .consumer(late)
        .run({ eachRecord: note('handler') })
        .finally(note('run'))
    }
    const { billed } = await simulated(billing, [time(200), crash, order, time(1000)])
    expect([billed, wentOn]).toEqual([['2'], ['a shorter sleep']])
  })

  it('has written what it crashes of, and hears nothing of that', async () => {
    const heard: number[] = []
    let instances = 0
    const billing: Service = async broker => {
      const by = ++instances
      const producer = broker.producer()
      await broker.consumer({ groupId: 'billing', topics: ['orders'] }).run({
        eachRecord: async ({ value }) => {
          await producer.send({ topic: 'invoices', value, headers: { by: String(by) } })
          heard.push(by)
        },
      })
    }
    const { billed, done } = await simulated(billing, [{ ...crash, onWrite: true }, order, time(1000)])
    expect([billed, heard]).toEqual([['1', '2'], [2]])
    expect(done[0]).toBe('billing-1 will crash once it has written')
  })

  /** Takes each order in a transaction of its own, with what it sends there. */
  const inTransactions = (sends: boolean, heard: string[] = []): Service => {
    let instances = 0
    return async broker => {
      const by = String(++instances)
      const producer = broker.producer({ transactionalId: 'billing' })
      const consumer = broker.consumer({ groupId: 'billing', topics: ['orders'], autoCommit: false })
      await consumer.run({
        eachRecord: async ({ value }, context) => {
          await producer.transaction(async transaction => {
            if (sends) await transaction.send({ topic: 'invoices', value, headers: { by } })
            await transaction.sendOffsets(context)
          })
          heard.push(by)
        },
      })
    }
  }

  it('crashes of what it writes in a transaction before that is committed', async () => {
    const { billed } = await simulated(inTransactions(true), [{ ...crash, onWrite: true }, order, time(1000)])
    expect(billed).toEqual(['2'])
  })

  it('crashes of a transaction that is committed, which has what came of the record', async () => {
    const { billed, done } = await simulated(inTransactions(false), [
      { ...crash, onWrite: true },
      order,
      time(1000),
      order,
    ])
    expect(done[0]).toBe('billing-1 will crash once it has written')
    expect(billed).toEqual([])
  })

  it('crashes once it has written as often as the step says: a transaction that has sent something writes twice', async () => {
    const heard: string[] = []
    const steps = [{ ...crash, onWrite: true, times: 2 }, order, time(1000), order]
    const { billed, done } = await simulated(inTransactions(true, heard), steps)
    expect([billed, heard]).toEqual([['1', '2'], ['2']])
    expect(done[0]).toBe('billing-1 will crash once it has written 2 times')
  })

  it('does not crash of what it writes once nothing goes wrong any more', async () => {
    let instances = 0
    const billing: Service = broker => bills(broker, ++instances)
    const { billed } = await simulated(billing, [{ ...crash, onWrite: true }, order])
    expect(billed).toEqual(['1'])
  })
})

describe('an instance that stops', () => {
  const billing: Service = broker => bills(broker, 1)

  it('leaves its place to another one at once, and its name only when it has stopped', async () => {
    const { done } = await simulated(billing, [order, time(100), start, stop, start, time(2000), stop, start])
    expect(done).toEqual([
      'order',
      '100 ms pass',
      'billing-1 stops',
      'billing-2 starts',
      '2000 ms pass',
      'billing-2 stops',
      'billing-1 starts',
    ])
  })

  it('does so in a process of its own: what onRevoked still awaits never comes where it dies of what it writes there', async () => {
    const heard: string[] = []
    let instances = 0
    const service: Service = async broker => {
      const by = String(++instances)
      const producer = broker.producer()
      const onRevoked = async () => {
        await producer.send({ topic: 'invoices', value: 1, headers: { by } })
        heard.push(by)
      }
      await broker
        .consumer({ groupId: 'billing', topics: ['orders'], onRevoked })
        .run({ eachRecord: () => {} })
    }
    const { billed } = await simulated(service, [{ ...crash, onWrite: true }, stop, time(1000)])
    expect([billed, heard]).toEqual([['1'], []])
  })

  it('is not waited for once it has died meanwhile', async () => {
    let instances = 0
    const service: Service = async broker => {
      await bills(broker, ++instances)
      await broker.clock.sleep(5000)
    }
    const steps = [{ ...crash, onWrite: true }, order, time(100), stop, time(2000)]
    expect((await simulated(service, steps)).billed).toEqual(['1', '2'])
  })

  it('is neither stopped nor crashed any more', async () => {
    const { billed, done } = await simulated(billing, [order, time(100), stop, stop, crash])
    expect([billed, done]).toEqual([['1'], ['order', '100 ms pass', 'billing-1 stops']])
  })
})

describe('what goes wrong', () => {
  const idle: Service = broker => broker.consumer({ groupId: 'billing', topics: ['orders'] }).ready()
  const fail = { kind: 'fail' } as const
  const delay = { kind: 'delay', ms: 100 } as const

  it('befalls an operation of a group, or of all who send, as often as the step says', async () => {
    const { done } = await simulated(idle, [
      { ...fail, operation: 'commit' },
      { ...fail, operation: 'append', times: 2 },
      { ...delay, operation: 'fetch', times: 3 },
      { ...delay, operation: 'append' },
    ])
    expect(done).toEqual([
      'commit of billing will fail',
      'append will fail, 2 times',
      'fetch of billing will take 100 ms longer, 3 times',
      'append will take 100 ms longer',
    ])
  })

  it('befalls only who sends where there is no group', async () => {
    const steps = [
      { ...fail, operation: 'commit' },
      { ...fail, operation: 'append' },
    ] as const
    expect((await simulated(() => {}, steps)).done).toEqual(['append will fail'])
  })

  it('may be that an instance is slow to read what it reads without a group', async () => {
    const read: number[] = []
    const service: Service = async broker => {
      const eachRecord = () => void read.push(broker.clock.monotonic())
      await broker.consumer({ topics: ['orders'] }).run({ eachRecord })
    }
    const steps = [{ ...delay, operation: 'fetch' }, order, time(10), time(1000), order] as const
    expect((await simulated(service, steps)).done[0]).toBe(
      'fetch of billing-1 without a group will take 100 ms longer',
    )
    expect(read).toEqual([100, 1010])
  })

  it('does fail, and takes the time that it is to take', async () => {
    const sends: string[] = []
    const service: Service = async broker => {
      await broker.clock.sleep(1)
      for (const value of [1, 2]) {
        const sent = broker.producer().send({ topic: 'invoices', value })
        const outcome = await sent.then(
          () => 'sent',
          error => error.name,
        )
        sends.push(`${outcome} at ${broker.clock.monotonic()}`)
      }
    }
    await simulated(service, [
      { ...fail, operation: 'append' },
      { ...delay, operation: 'append' },
      time(1000),
    ])
    expect(sends).toEqual(['SimulatedFaultError at 1', 'sent at 101'])
  })

  it('ends with the schedule, also what nobody has met', async () => {
    const attempts: number[] = []
    const service: Service = broker => {
      const producer = broker.producer()
      return broker.consumer({ groupId: 'billing', topics: ['orders'] }).run({
        eachRecord: async ({ value }, { attempt }) => {
          attempts.push(attempt)
          await broker.clock.sleep(1000)
          await producer.send({ topic: 'invoices', value, headers: { by: '1' } })
        },
      })
    }
    await simulated(service, [order, time(500), { ...fail, operation: 'append', times: 3 }])
    expect(attempts).toEqual([1])
  })

  it('is a record that a group gets again which it has committed, unless it commits by hand', async () => {
    const redeliver = { kind: 'redeliver' } as const
    const { billed, done } = await simulated(
      broker => bills(broker, 1),
      [redeliver, order, time(2000), redeliver],
    )
    expect([billed, done.at(-1), done.length]).toEqual([['1', '1'], 'billing gets orders-0@0 again', 3])

    // The end of a transaction has an offset, but is no record.
    const inTransaction: Service = async (broker, { name }) => {
      await broker
        .producer({ transactionalId: name })
        .transaction(transaction => transaction.send({ topic: 'orders', value: 1 }))
      await bills(broker, 1)
    }
    const last = await simulated(inTransaction, [time(2000), redeliver])
    expect(last.done.at(-1)).toBe('billing gets orders-0@0 again')

    const byHand: Service = async broker => {
      const consumer = broker.consumer({ groupId: 'billing', topics: ['orders'], autoCommit: false })
      await consumer.run({
        eachRecord: ({ partition, offset }) =>
          consumer.commit([{ topic: 'orders', partition, offset: offset + 1 }]),
      })
    }
    expect((await simulated(byHand, [order, time(2000), redeliver])).done).toHaveLength(2)
  })
})

it('a service that never comes to read fails, though it breaks no promise', async () => {
  const never = new Promise<void>(() => {})
  const before: Service = async broker => {
    await never
    await bills(broker, 1)
  }
  const between: Service = async broker => {
    const consumer = broker.consumer({ groupId: 'billing', topics: ['orders'] })
    await never
    await consumer.run({ eachRecord: () => {} })
  }
  for (const service of [before, between])
    expect(String(await rejectionOf(simulated(service, [order])))).toContain(
      'these are still running: start of billing-1',
    )
  // One that reads need not come to an end.
  const polls: Service = async broker => {
    const consumer = broker.consumer({ groupId: 'billing', topics: ['orders'] })
    for (;;) await consumer.poll()
  }
  await simulated(polls, [order])
})

it('an instance that polls is closed between two polls', async () => {
  const closed: number[] = []
  const polls: Service = async broker => {
    const consumer = broker.consumer({ groupId: 'billing', topics: ['orders'] })
    for (;;) {
      const [record] = await consumer.poll()
      await broker.clock.sleep(1000)
      if (record !== undefined) closed.push(broker.timeline.ofKind('closed').length)
    }
  }
  expect((await simulated(polls, [order, time(100), stop, time(5000)])).done).toHaveLength(4)
  expect(closed).toEqual([0])
})
