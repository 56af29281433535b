/**
 * Apache Kafka's own integration tests that are written in Scala, on a harness that starts brokers: here it starts those of
 * the built package (`apache/harness`). What cannot pass is in `apache/left-out-harness.txt`, with the reason. They take
 * ten minutes, so `npm run test:apache` is without them: `npm run test:apache:harness`.
 */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { ApacheTests } from './apache/apache-tests.js'

let tests

before(() => {
  tests = new ApacheTests({ leftOut: 'left-out-harness.txt' }).withHarness()
})

after(() => tests.dispose())

const run = (t, classes, atLeast) =>
  tests.run(t, {
    kind: 'own',
    from: ['kafka_2.13'],
    classes: tests.without(classes),
    atLeast,
  })

test('what is left out is there', () => assert.deepEqual(tests.goneNames, []))

test('requests are answered as by an Apache Kafka', t => run(t, String.raw`kafka\.(admin|server)\..*`, 80))

test('producers, consumers and transactions do what they do there', t =>
  run(t, String.raw`kafka\.api\.(?!PlaintextAdmin|Authorizer).*`, 90))

test('clients may do what access lists allow', t => run(t, String.raw`kafka\.api\.Authorizer.*`, 200))

test('administration does, too', t => run(t, String.raw`kafka\.api\.PlaintextAdmin.*`, 100))
