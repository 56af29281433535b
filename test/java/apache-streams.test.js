/**
 * Apache Kafka's own integration tests of Kafka Streams, in each protocol of its groups, against the built package
 * (`npm run test:apache:streams`, which needs Java and Maven, and an hour). What cannot pass here is in
 * `apache/left-out-streams.txt`, with the reason.
 */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { ApacheTests } from './apache/apache-tests.js'

let tests

before(() => {
  tests = new ApacheTests({ leftOut: 'left-out-streams.txt' })
})

after(() => tests.dispose())

describe('Kafka Streams', { concurrency: 2 }, () => {
  const run = (classes, atLeast) => t =>
    tests.run(t, {
      kind: 'own',
      from: ['kafka-streams-integration-tests'],
      classes: tests.without(classes),
      timeoutMs: 300_000,
      atLeast,
    })

  it('what is left out is there', () => assert.deepEqual(tests.goneNames, []))

  it(
    'keeps its promises of exactly once, joins and queries its state',
    run(String.raw`.*\.streams\.integration\.[A-J].*`, 200),
  )
  it(
    'aggregates, rebalances, restores and suppresses',
    run(String.raw`.*\.streams\.integration\.[K-Z].*`, 100),
  )
})
