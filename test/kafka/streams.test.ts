import { execFile } from 'node:child_process'
import path from 'node:path'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'
import { isKafkaInstalled, startRealKafka } from './real-kafka.ts'

const streamsTest = path.resolve(import.meta.dirname, '../java/streams.test.js')

// What test/java expects of a broker is what this one does.
it.skipIf(!isKafkaInstalled)(
  'Kafka Streams applications find at a real Kafka what they are said to',
  async () => {
    const kafka = await startRealKafka({
      properties: {
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
      const env = { ...process.env, BOOTSTRAP_SERVERS: kafka.address }
      const { stdout } = await promisify(execFile)(process.execPath, ['--test', streamsTest], { env })
      expect(stdout).toMatch(/fail 0/)
    } finally {
      await kafka.close()
    }
  },
  600_000,
)
