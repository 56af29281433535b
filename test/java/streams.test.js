/**
 * Kafka Streams applications, their administrators and their tools, against the built package: `npm run test:java`. With
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
  scenarios = new Scenarios('streams')
  if (address !== undefined) return
  broker = new Broker()
  broker.on('error', error => errors.push(error))
  ;({ address } = await serve(broker, { streamsHeartbeatIntervalMs: 100, streamsSessionTimeoutMs: 2000 }))
})

after(async () => {
  scenarios.dispose()
  await broker?.close()
  assert.deepEqual(errors, [])
})

// In classic groups the client of the leader assigns the tasks, in streams groups the broker does.
for (const protocol of ['classic', 'streams']) {
  test(`Kafka Streams applications of ${protocol} groups find what they find at a real Kafka`, t =>
    scenarios.play(t, {
      args: [address, protocol],
      options: ['-Xmx1g'],
      // What Streams logs of errors that are wanted here would only bury the others.
      stderr: 'ignore',
      timeout: 300_000,
      atLeast: 60,
    }))
}
