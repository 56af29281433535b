/**
 * Apache Kafka's own integration tests of Kafka Connect and MirrorMaker against the built package
 * (`npm run test:apache:connect`, which needs Java and Maven, and half an hour). What cannot pass here is in
 * `apache/left-out-connect.txt`, with the reason.
 */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { ApacheTests } from './apache/apache-tests.js'

let tests

before(() => {
  tests = new ApacheTests({ leftOut: 'left-out-connect.txt' })
})

after(() => tests.dispose())

describe('at an Apache Kafka and here', { concurrency: 2 }, () => {
  const run = (from, classes, atLeast) => t =>
    tests.run(t, { kind: 'own', from: [from], classes: tests.without(classes), timeoutMs: 300_000, atLeast })

  it('what is left out is there', () => assert.deepEqual(tests.goneNames, []))

  it(
    'connectors run, fail, move and are stopped',
    run('connect-runtime', String.raw`.*\.connect\.integration\..*`, 60),
  )
  it('MirrorMaker mirrors', run('connect-mirror', String.raw`.*\.mirror\.integration\..*`, 20))
})
