import { once } from 'node:events'
import { Broker, ClosedError, json, topic } from 'brokerlet'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { rejectionOf } from './helpers/errors.ts'

// The stack of an error is the first that one looks at, and it has to name the user's own line. Vitest shows more frames
// than Node does.
const { stackTraceLimit } = Error
beforeEach(() => {
  Error.stackTraceLimit = 10
})
afterEach(() => {
  Error.stackTraceLimit = stackTraceLimit
})

const topics = {
  orders: topic<unknown>(),
  asJson: topic<unknown>({ codec: json }),
  checked: topic({ schema: z.object({ id: z.string() }) }),
}

async function lagging(broker: Broker<typeof topics>) {
  for (const value of [1, 2]) broker.topic('orders').append({ value })
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'] })
  await consumer.run({ eachRecord: (_, { signal }) => once(signal, 'abort') })
  return consumer
}

const calls: Readonly<Record<string, (broker: Broker<typeof topics>) => Promise<unknown>>> = {
  'a value that the codec refuses': broker => broker.producer().send({ topic: 'asJson', value: 1n }),
  'a value that the schema refuses': broker =>
    broker.producer().sendBatch([{ topic: 'checked', value: {} as { id: string } }]),
  'headers of a wrong type': broker =>
    broker.producer().send({ topic: 'orders', value: 1, headers: [['a', 1 as never]] }),
  'a record of a transaction': broker =>
    broker.producer({ transactionalId: 't' }).transaction(async function usersOwnFunction(tx) {
      await tx.send({ topic: 'asJson', value: 1n })
    }),
  'a closed broker': async broker => {
    const producer = broker.producer()
    await broker.close({ timeoutMs: 0 })
    return producer.send({ topic: 'orders', value: 1 })
  },
  'a topic that is not there, when a consumer runs': broker =>
    broker.consumer({ groupId: 'g', topics: ['order' as 'orders'] }).run({ eachRecord() {} }),
  'a topic that is not there, when a consumer polls': broker =>
    broker.consumer({ groupId: 'g', topics: ['order' as 'orders'] }).poll(),
  'a topic that is not there, in a loop': async broker => {
    for await (const record of broker.consumer({ topics: ['order' as 'orders'] })) expect(record).toBe(0)
  },
  'a broker that is not idle in time': async broker => {
    await lagging(broker)
    await broker.idle({ timeoutMs: 0 })
  },
  'a broker that can never be idle': async broker => {
    const consumer = await lagging(broker)
    await consumer.close({ timeoutMs: 0 })
    await broker.idle({ groups: ['g'] })
  },
  'a broker that is closed while somebody waits for it': async broker => {
    await lagging(broker)
    const caughtUp = broker.group('g').caughtUp()
    await Promise.all([caughtUp, broker.close({ timeoutMs: 0 })])
  },
  'a group that is not through in time': async broker => {
    await lagging(broker)
    await broker.group('g').caughtUp({ timeoutMs: 0 })
  },
  'a consumer that is not through in time': async broker => {
    const consumer = await lagging(broker)
    await consumer.caughtUp({ timeoutMs: 0 })
  },
  'dead letters that are not there': broker => broker.redrive({ from: 'order' as 'orders' }),
}

describe("an error shows the user's own line", () => {
  it.each(Object.entries(calls))('%s', async (_, call) => {
    const broker = new Broker({ topics })
    const error = await rejectionOf(
      (async function usersOwnFunction() {
        await call(broker)
      })(),
    )
    expect(error.stack).toContain('usersOwnFunction')
    await broker.close({ timeoutMs: 0 })
  })
})

it.each([0, 10, 50])('leaves the number of frames that a process asks for (%i) as it is', frames => {
  Error.stackTraceLimit = frames
  const { stack } = new ClosedError('closed')
  expect(Error.stackTraceLimit).toBe(frames)
  expect(stack!.includes('\n    at ')).toBe(frames > 0)
})
