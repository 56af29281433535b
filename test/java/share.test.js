/**
 * Share consumers of Apache Kafka, and its tools for share groups, against the built package: `npm run test:java`. With
 * BOOTSTRAP_SERVERS they run against what is there, as test/kafka does with a real Kafka: what they expect is what that does.
 */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { Broker } from '../../dist/index.js'
import { serve } from '../../dist/server/index.js'
import { Scenarios } from './scenarios.js'

const errors = []
let scenarios
let broker
let address = process.env.BOOTSTRAP_SERVERS

before(async () => {
  scenarios = new Scenarios('share')
  if (address !== undefined) return
  broker = new Broker()
  broker.on('error', error => errors.push(error))
  const times = { shareHeartbeatIntervalMs: 100, shareRecordLockDurationMs: 1000 }
  ;({ address } = await serve(broker, times))
})

after(async () => {
  scenarios.dispose()
  await broker?.close()
  assert.deepEqual(errors, [])
})

test('share consumers and their administrators find what they find at a real Kafka', t =>
  scenarios.play(t, { args: [address], stderr: 'inherit', timeout: 180_000, atLeast: 40 }))
