import type { TopicOptions } from '../../src/topic-definition.ts'
import { offsets } from '../helpers/behaviours.ts'
import { testBroker } from '../helpers/test-broker.ts'

export const log0 = { topic: 'log', partition: 0 }

/** A topic that holds three records, and a group that has not read any of them. */
export function full(options: TopicOptions = {}) {
  const { broker, clock } = testBroker()
  const log = broker.createTopic('log', { retentionRecords: 3, whenFull: 'wait', ...options })
  const producer = broker.producer()
  const group = broker.createGroup('g', { topics: ['log'] })
  for (let value = 0; value < 3; value++) log.append({ value })
  /** Notes what became of a send. */
  const told: string[] = []
  const follow = (name: string, sent: Promise<unknown>) =>
    void sent.then(
      result => told.push(`${name} at ${offsets([result].flat() as { offset: number }[])}`),
      (error: Error) => told.push(`${name} ${error.name}`),
    )
  const send = (value: unknown, sendOptions?: { timeoutMs?: number; signal?: AbortSignal }) =>
    follow(String(value), producer.send({ topic: 'log', value }, sendOptions))
  const commit = (offset: number) => group.setOffsets([{ ...log0, offset }])
  const values = () => log.records().map(({ value }) => value)
  return { broker, clock, log, producer, group, told, follow, send, commit, values }
}
