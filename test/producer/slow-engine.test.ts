import { expect, it } from 'vitest'
import type { Engine } from '../../src/engine.ts'
import { UnknownTopicOrPartitionError } from '../../src/index.ts'
import { StickyRoundRobin } from '../../src/producer/partitioner.ts'
import { Producer } from '../../src/producer/producer.ts'
import { withMembers } from '../consumer/slow-engine-scene.ts'
import { rejectionOf } from '../helpers/errors.ts'
import { testBroker } from '../helpers/test-broker.ts'

it('refuses a message that cannot be read where its engine has to ask for the topic, and leaves no rejection of that behind', async () => {
  const { broker } = testBroker()
  const unhandled: unknown[] = []
  const note = (error: unknown) => unhandled.push(error)
  process.on('unhandledRejection', note)
  const engine = withMembers<Engine>(broker.engine, {
    topic: () => Promise.reject(new UnknownTopicOrPartitionError('no such topic')),
  })
  const bad = {
    topic: 'x',
    get value(): unknown {
      throw new Error('gone')
    },
  }
  const producer = new Producer(engine, new StickyRoundRobin())
  expect(await rejectionOf(producer.send(bad))).toMatchObject({ name: 'InvalidRecordError' })
  await new Promise(resolve => setImmediate(resolve))
  process.off('unhandledRejection', note)
  expect(unhandled).toEqual([])
})
