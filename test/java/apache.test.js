/**
 * Apache Kafka's own integration tests, as published on Maven Central, against the built package: `npm run test:apache`,
 * which needs Java and Maven. What cannot pass here is in `apache/left-out.txt`, with the reason.
 */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { ApacheTests } from './apache/apache-tests.js'

let tests

before(() => {
  tests = new ApacheTests()
})

after(() => tests.dispose())

// Each is a process of its own; most of their time they wait.
describe('at an Apache Kafka and here', { concurrency: 4 }, () => {
  const run = options => t => tests.run(t, { kind: 'cluster', ...options })

  it('what is left out is there', () => assert.deepEqual(tests.goneNames, []))

  it(
    'consumer groups are administered in the same way',
    run({ from: ['kafka-tools'], classes: String.raw`.*\.tools\.consumer\.(?!group\.Reset).*`, atLeast: 20 }),
  )
  it(
    'offsets of consumer groups are reset in the same way',
    run({ from: ['kafka-tools'], classes: String.raw`.*\.tools\.consumer\.group\.Reset.*`, atLeast: 20 }),
  )
  it(
    'requests of share groups are answered in the same way',
    run({ from: ['kafka_2.13'], classes: String.raw`.*\.Share\w+(\$\w+)?`, atLeast: 50 }),
  )
  it(
    'requests of streams groups are answered in the same way',
    run({ from: ['kafka_2.13'], classes: String.raw`.*\.Streams\w+(\$\w+)?`, atLeast: 20 }),
  )
  it(
    'requests of other groups, of offsets and versions are answered in the same way',
    run({ from: ['kafka_2.13'], classes: String.raw`.*\.(?!Share|Streams)[A-Z]\w+(\$\w+)?`, atLeast: 50 }),
  )
  it(
    'topics and configs are administered in the same way',
    run({ from: ['kafka-tools'], classes: String.raw`.*\.tools\.(?!consumer\.).*`, atLeast: 50 }),
  )
  it(
    'clusters are administered, and topics told, in the same way',
    run({ from: ['kafka-server', 'kafka-storage'], atLeast: 5 }),
  )
})
