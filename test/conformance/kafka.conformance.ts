import { afterAll, beforeAll, describe } from 'vitest'
import { isKafkaInstalled, type RealKafka, startRealKafka } from '../kafka/real-kafka.ts'
import { connected } from './connected.ts'
import { conformance } from './suite.ts'

describe.skipIf(!isKafkaInstalled)('', () => {
  let kafka: RealKafka
  beforeAll(async () => {
    kafka = await startRealKafka({
      properties: {
        'group.consumer.min.heartbeat.interval.ms': 100,
        'group.consumer.heartbeat.interval.ms': 100,
        'group.consumer.min.session.timeout.ms': 1000,
        'group.consumer.session.timeout.ms': 2000,
        'log.cleaner.backoff.ms': 200,
        'transaction.abort.timed.out.transaction.cleanup.interval.ms': 200,
      },
    })
  })
  afterAll(() => kafka?.close())

  conformance({
    name: 'connect, to Apache Kafka',
    differences: {},
    open: topics => connected(kafka.address, topics),
  })
})
