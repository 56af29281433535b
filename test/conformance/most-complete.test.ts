import { expect, it } from 'vitest'
import { mostComplete } from '../../src/kafka/most-complete.ts'

interface Answer {
  readonly broker: number
  readonly topics: readonly string[]
}

/** Asks brokers that know these topics each, in turn; resolves with how many answers it took, and what is known then. */
async function asking(wanted: readonly string[], ...knowing: string[][]) {
  let asked = 0
  const answer = await mostComplete<Answer>({
    ask: async heard => {
      const broker = asked++ % knowing.length
      heard.add(`broker-${broker}`)
      return { broker, topics: knowing[broker]! }
    },
    lacking: ({ topics }) => new Set(wanted.filter(name => !topics.includes(name))),
    completed: ({ broker, topics }, names, earlier) => ({
      broker,
      topics: [...topics, ...earlier.topics.filter(name => names.has(name))],
    }),
  })
  return { asked, ...answer }
}

it('takes an answer that lacks nothing, and asks nobody else', async () => {
  expect(await asking(['a'], ['a'], [], [])).toEqual({ asked: 1, broker: 0, topics: ['a'] })
  expect(await asking(['a'], [], ['a'], [])).toEqual({ asked: 2, broker: 1, topics: ['a'] })
  expect(await asking(['a'], [], [], ['a'])).toEqual({ asked: 3, broker: 2, topics: ['a'] })
})

it('takes the last of three answers that lack the same', async () => {
  expect(await asking(['a', 'b'], ['b'], ['b'], ['b'], ['a', 'b'])).toEqual({
    asked: 3,
    broker: 2,
    topics: ['b'],
  })
})

it('takes what each of them has, where none has all', async () => {
  const known = async (...knowing: string[][]) => (await asking(['former', 'new'], ...knowing)).topics
  expect((await known(['new'], ['new'], ['former'])).toSorted()).toEqual(['former', 'new'])
  expect((await known(['former'], ['new'], [])).toSorted()).toEqual(['former', 'new'])
  expect(await known(['new'], [], [])).toEqual(['new'])
})

it('asks nobody else once all is known', async () => {
  expect(await asking(['former', 'new'], ['former'], ['new'], [])).toMatchObject({ asked: 2 })
})

it('takes no topics of an earlier answer that nobody lacks', async () => {
  expect(await asking(['a'], ['other'], ['a'])).toMatchObject({ topics: ['a'] })
})

it('asks the only one twice', async () => {
  expect(await asking(['a'], [])).toEqual({ asked: 2, broker: 0, topics: [] })
})
