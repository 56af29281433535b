import { it } from 'vitest'
import { javaTestsAt } from './java-tests-at.ts'
import { isKafkaInstalled, neverKilled, startRealKafka } from './real-kafka.ts'

// What test/java expects of a broker is what this one does.
it.skipIf(!isKafkaInstalled)(
  'share consumers find at a real Kafka what they are said to',
  async () => {
    const kafka = await startRealKafka({
      properties: {
        ...neverKilled,
        'auto.create.topics.enable': 'false',
        'group.share.heartbeat.interval.ms': 100,
        'group.share.min.heartbeat.interval.ms': 100,
        'group.share.assignment.interval.ms': 0,
        'group.share.min.record.lock.duration.ms': 1000,
      },
    })
    try {
      await javaTestsAt(kafka.address, 'share.test.js')
    } finally {
      await kafka.close()
    }
  },
  240_000,
)
