import { describe, expect, it } from 'vitest'
import { Broker } from '../../src/index.ts'
import { serve } from '../../src/server/index.ts'
import { isKafkaInstalled, startRealKafka } from '../kafka/real-kafka.ts'
import { runWithPeer } from './run-with-peer.ts'

const flights = (address: string) =>
  runWithPeer('examples/flights/main.ts', '--limit', '100000', '--kafka', address)

describe('connect, to serve', () => {
  describe('the flights of npm start', () => {
    it('are counted as in the file', async () => {
      const broker = new Broker()
      const server = await serve(broker)
      expect(await flights(server.address)).toContain('... gives the same totals')
      expect(broker.topics.size).toBe(0)
      await broker.close()
    })
  })
})

describe.skipIf(!isKafkaInstalled)('connect, to Apache Kafka', () => {
  describe('the flights of npm start', () => {
    it('are counted as in the file', async () => {
      const kafka = await startRealKafka()
      try {
        expect(await flights(kafka.address)).toContain('... gives the same totals')
      } finally {
        await kafka.close()
      }
    })
  })
})
