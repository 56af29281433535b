/**
 * Apache Kafka's own integration tests of Kafka Connect against the built package (`npm run test:apache:connect`, which needs
 * Java and Maven, and half an hour). What cannot pass here is in `apache/left-out-connect.txt`, with the reason.
 */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { ApacheTests } from './apache/apache-tests.js'

let tests

before(() => {
  tests = new ApacheTests({ leftOut: 'left-out-connect.txt' })
})

after(() => tests.dispose())

test('what is left out is there', () => assert.deepEqual(tests.goneNames, []))

test('connectors run, fail, move and are stopped', t =>
  tests.run(t, {
    kind: 'own',
    from: ['connect-runtime'],
    classes: tests.without(String.raw`.*\.connect\.integration\..*`),
    timeoutMs: 300_000,
    // Each leaves workers and their plugins behind.
    heap: '2g',
    atLeast: 100,
  }))
