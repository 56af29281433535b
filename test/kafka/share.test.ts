import { execFile } from 'node:child_process'
import path from 'node:path'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'
import { isKafkaInstalled, startRealKafka } from './real-kafka.ts'

const shareTest = path.resolve(import.meta.dirname, '../java/share.test.js')

// What test/java expects of a broker is what this one does.
it.skipIf(!isKafkaInstalled)(
  'share consumers find at a real Kafka what they are said to',
  async () => {
    const kafka = await startRealKafka({
      properties: {
        'auto.create.topics.enable': 'false',
        'group.share.heartbeat.interval.ms': 100,
        'group.share.min.heartbeat.interval.ms': 100,
        'group.share.assignment.interval.ms': 0,
        'group.share.min.record.lock.duration.ms': 1000,
      },
    })
    try {
      const env = { ...process.env, BOOTSTRAP_SERVERS: kafka.address }
      const { stdout } = await promisify(execFile)(process.execPath, ['--test', shareTest], { env })
      expect(stdout).toMatch(/fail 0/)
    } finally {
      await kafka.close()
    }
  },
  240_000,
)
