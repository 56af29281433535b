import { afterAll, beforeAll, describe, it } from 'vitest'
import { KafkaAndServed } from '../kafka-and-served.ts'
import { isKafkaInstalled } from '../real-kafka.ts'
import { compareTalks, seeds } from './compare-talks.ts'
import { Producers } from './producers.ts'

describe.skipIf(!isKafkaInstalled)('a real Kafka and a served broker tell the same', () => {
  const both = new KafkaAndServed()
  beforeAll(() => both.start())
  afterAll(() => both.close())

  it('to producers that send, commit and abort by lot, and of what they have written', async () => {
    await compareTalks(both, 'producers', seeds(40), talk => new Producers(talk).converse(25))
  }, 900_000)
})
