import { topic } from '../../src/index.ts'
import type { TopicOptions } from '../../src/topic-definition.ts'
import { gate } from '../helpers/behaviours.ts'
import { testBroker } from '../helpers/test-broker.ts'

/** A producer of transactions, and the topic 'out' that it writes to. */
export function transactional(options: TopicOptions = {}) {
  const { broker, clock } = testBroker({
    topics: { out: topic<number>() },
  })
  broker.deleteTopic('out')
  broker.createTopic('out', options)
  const producer = broker.producer({ transactionalId: 'tx' })
  const out = broker.topic('out')
  /** Sends in a transaction that stays open until the function that is returned ends it. */
  const stayOpen = async (value: number) => {
    const { opened, open } = gate()
    const over = producer.transaction(async tx => {
      await tx.send({ topic: 'out', key: 'a', value })
      await opened
    })
    await clock.settle()
    return () => {
      open()
      return over
    }
  }
  return { broker, clock, producer, out, stayOpen, values: () => out.records().map(({ value }) => value) }
}
