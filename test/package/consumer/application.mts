// Its broker goes to a module that `require` has loaded, and so to the other copy of the package, with types of its own.
import assert from 'node:assert/strict'
import { topic } from 'brokerlet'
import { TestBroker } from 'brokerlet/testing'
import { hasShipped, startShipping } from './shipping.cjs'

const broker = new TestBroker({ topics: { payments: topic<{ orderId: string }>() } })
await startShipping(broker)
broker.topic('payments').append({ value: { orderId: 'o-1' } })
await broker.idle()
hasShipped(broker, 'shipping', [{ value: { orderId: 'o-1' } }])
assert.throws(() => hasShipped(broker, 'shipping', []))
await broker.close()

const numbers = new TestBroker({ topics: { payments: topic<number>() } })
// @ts-expect-error: these payments are numbers
void (() => startShipping(numbers))
console.log('ok')
