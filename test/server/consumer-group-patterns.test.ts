import { expect, it } from 'vitest'
import { start } from './consumer-group-scene.ts'

it('reads topics by a pattern, those that come later, too', async () => {
  const { broker, beat, join, has, given } = start()
  const joined = await join('a', { subscribedTopicNames: [], subscribedTopicRegex: 'or.*' })
  expect(given(joined)).toEqual([0, 1, 2, 3])
  broker.createTopic('oranges')
  broker.createTopic('apples')
  const told = await beat('a', 2, has(0, 1, 2, 3))
  expect(told.assignment.topicPartitions).toHaveLength(2)
  expect(await join('b', { subscribedTopicNames: [], subscribedTopicRegex: '(' })).toMatchObject({
    errorCode: 128,
  })
})

it('reads the topics that are named and those of the pattern, and keeps the one when the other changes', async () => {
  const { broker, beat, join } = start()
  for (const name of ['apples', 'oranges', 'pears']) broker.createTopic(name)
  const read = (answer: { assignment: { topicPartitions: { topicId: string }[] } | null }) => {
    const ids = new Set(answer.assignment?.topicPartitions.map(({ topicId }) => topicId))
    return [...broker.topics.values()].filter(({ id }) => ids.has(id)).map(({ name }) => name)
  }
  let { memberEpoch, ...joined } = await join('a', {
    subscribedTopicNames: ['pears'],
    subscribedTopicRegex: 'or.*',
  })
  expect(read(joined)).toEqual(['orders', 'oranges', 'pears'])
  // It gives up everything each time, and so is told all that it has then.
  const says = async (words: object) => {
    const told = await beat('a', memberEpoch, { ...words, topicPartitions: [] })
    ;({ memberEpoch } = told)
    return read(told)
  }
  expect(await says({ subscribedTopicNames: ['apples'] })).toEqual(['orders', 'apples', 'oranges'])
  expect(await says({ subscribedTopicRegex: 'pe.*' })).toEqual(['apples', 'pears'])
  expect(await says({ subscribedTopicRegex: '' })).toEqual(['apples'])
  expect(await says({ subscribedTopicNames: [], subscribedTopicRegex: 'or.*' })).toEqual([
    'orders',
    'oranges',
  ])
})

it("reads patterns as Kafka's brokers do, and is not held up by a hostile one", async () => {
  const { broker, join, given } = start()
  const pattern = (subscribedTopicRegex: string) => ({ subscribedTopicNames: [], subscribedTopicRegex })
  expect(given(await join('a', pattern('(?i)OR.*')))).toEqual([0, 1, 2, 3])
  // What RE2 has not.
  expect(await join('b', pattern('(?=or).*'))).toMatchObject({ errorCode: 128 })
  // A RegExp that goes back would not be done with this before the end of time.
  broker.createTopic('a'.repeat(200))
  expect((await join('c', pattern('(a|a)*b'))).errorCode).toBe(0)
})
