/**
 * Apache Kafka's own integration tests, as published on Maven Central, against the built package: `npm run test:apache`,
 * which needs Java and Maven. What cannot pass here is in `apache/left-out.txt`, with the reason.
 */
import { after, before, test } from 'node:test'
import { ApacheTests } from './apache/apache-tests.js'

let tests

before(() => {
  tests = new ApacheTests()
})

after(() => tests.dispose())

test('requests of groups are answered as by an Apache Kafka', t =>
  tests.run(t, { tag: 'cluster', from: ['kafka_2.13'], classes: '.*GroupRequestTest', atLeast: 3 }))
