import { it } from 'vitest'
import { javaTestsAt } from './java-tests-at.ts'
import { isKafkaInstalled, neverKilled, startRealKafka } from './real-kafka.ts'

// What test/java expects of a broker is what this one does.
it.skipIf(!isKafkaInstalled)(
  'Kafka Streams applications find at a real Kafka what they are said to',
  async () => {
    const kafka = await startRealKafka({
      properties: {
        ...neverKilled,
        'auto.create.topics.enable': 'false',
        'group.min.session.timeout.ms': 1000,
        'group.streams.heartbeat.interval.ms': 100,
        'group.streams.min.heartbeat.interval.ms': 100,
        'group.streams.session.timeout.ms': 2000,
        'group.streams.min.session.timeout.ms': 1000,
        'group.streams.initial.rebalance.delay.ms': 0,
        'group.streams.assignment.interval.ms': 0,
        'transaction.abort.timed.out.transaction.cleanup.interval.ms': 200,
      },
    })
    try {
      await javaTestsAt(kafka.address, 'streams.test.js')
    } finally {
      await kafka.close()
    }
  },
  600_000,
)
