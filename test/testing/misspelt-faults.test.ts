import { topic } from 'brokerlet'
import { TestBroker } from 'brokerlet/testing'
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
