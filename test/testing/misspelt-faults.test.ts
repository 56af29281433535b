import { topic } from 'brokerlet'
import { brokerFixture, TestBroker } from 'brokerlet/testing'
import { expect, it } from 'vitest'
import { collectWarnings } from '../helpers/warnings.ts'

const warnings = collectWarnings()
const boom = new Error('boom')
const start = () => new TestBroker({ topics: { orders: topic(), audit: topic() } })
// A process emits its warnings in a tick of its own.
const ticked = () => new Promise(resolve => setImmediate(resolve))

it('warns of a fault for a topic that there is not, but nearly, and plans it all the same', async () => {
  const broker = start()
  broker.faults
    .fail({ operation: 'append', topic: 'order' }, boom)
    .delay({ operation: 'fetch', topic: 'ordres', partition: 0 }, 5)
  broker.faults.pauseNext({ operation: 'commit', topic: 'audits' })
  await ticked()
  expect(warnings).toEqual([
    "faults.fail: there is no topic 'order' by now. Did you mean 'orders'?",
    "faults.delay: there is no topic 'ordres' by now. Did you mean 'orders'?",
    "faults.pauseNext: there is no topic 'audits' by now. Did you mean 'audit'?",
  ])
  expect(broker.faults.unused).toHaveLength(3)
})

it('is silent about a fault for a topic unlike any, which may be created later, and is met then', async () => {
  const broker = start()
  broker.faults.fail({ operation: 'append', topic: 'payments' }, boom)
  broker.createTopic('payments')
  await expect(broker.producer().send({ topic: 'payments' as 'orders', value: 1 })).rejects.toBe(boom)
  await ticked()
  expect(warnings).toEqual([])
})

it('warns at the end of a fault for a group that there never was, but nearly, which nothing has met', async () => {
  const broker = start()
  broker.faults.fail({ operation: 'handle', group: 'biling' }, boom).delay({ operation: 'commit' }, 5)
  await broker.consumer({ groupId: 'billing', topics: ['orders'] }).run({ eachRecord() {} })
  await ticked()
  expect(warnings).toEqual([])
  await broker.close()
  await ticked()
  expect(warnings).toEqual([
    "a fault was never met: fail handle of group biling. There is no group 'biling'. Did you mean 'billing'?",
  ])
})

it('is silent at the end about a fault for a group that is gone, or that is unlike any', async () => {
  const broker = start()
  const billing = broker.consumer({ groupId: 'billing', topics: ['orders'] })
  await billing.run({ eachRecord() {} })
  await billing.close()
  await broker.admin.deleteGroup('billing')
  await broker.consumer({ groupId: 'biling', topics: ['orders'] }).run({ eachRecord() {} })
  broker.faults.fail({ operation: 'handle', group: 'billing' }, boom)
  broker.faults.fail({ operation: 'handle', group: 'shipping' }, boom)
  await broker.close()
  await ticked()
  expect(warnings).toEqual([])
})

it('is told once where a fixture tells what a test left open, with what was meant', async () => {
  const run = brokerFixture({ topics: { orders: topic() }, leftOpen: 'fail' })(
    { task: { name: 'a test' } },
    async broker => {
      broker.faults.fail({ operation: 'handle', group: 'biling' }, boom)
      await broker.consumer({ groupId: 'billing', topics: ['orders'] }).run({ eachRecord() {} })
    },
  )
  await expect(run).rejects.toThrow("There is no group 'biling'. Did you mean 'billing'?")
  await ticked()
  expect(warnings).toEqual([])
})
