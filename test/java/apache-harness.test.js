/**
 * Apache Kafka's own integration tests that are written in Scala, on a harness that starts brokers: here it starts those of
 * the built package (`apache/harness`). What cannot pass is in `apache/left-out-harness.txt`, with the reason. They take
 * five minutes, so `npm run test:apache` is without them: `npm run test:apache:harness`.
 */
import { after, before, test } from 'node:test'
import { ApacheTests } from './apache/apache-tests.js'

let tests

before(() => {
  tests = new ApacheTests({ leftOut: 'left-out-harness.txt' }).withHarness()
})

after(() => tests.dispose())

test('clients and requests see what they see of an Apache Kafka', t =>
  tests.run(t, { tag: 'integration', from: ['kafka_2.13'], classes: tests.others, atLeast: 100 }))
