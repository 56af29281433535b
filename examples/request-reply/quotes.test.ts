import { TestBroker } from 'brokerlet/testing'
import { expect, it } from 'vitest'
import { answerQuotes, Quotes, quoteTopics } from './quotes.ts'

const prices = new Map([
  ['apples', 90],
  ['cheese', 250],
])

function priceOf(sku: string): number {
  const price = prices.get(sku)
  if (price === undefined) throw new RangeError(`nobody sells ${sku}`)
  return price
}

async function start() {
  const broker = new TestBroker({ topics: quoteTopics })
  const quotes = await Quotes.start(broker, (ms, options) => broker.clock.sleep(ms, options))
  return { broker, quotes }
}

it('answers each question with its own answer, whoever asked', async () => {
  const { broker, quotes } = await start()
  const others = await Quotes.start(broker)
  await answerQuotes(broker, priceOf)
  await answerQuotes(broker, priceOf)
  expect(
    await Promise.all([quotes.priceOf('apples'), others.priceOf('cheese'), quotes.priceOf('cheese')]),
  ).toEqual([90, 250, 250])
  await expect(quotes.priceOf('dates')).rejects.toThrow('RangeError: nobody sells dates')
  expect(quotes.waiting).toBe(0)
})

it('gives up when its time is over, and does not mind an answer that comes later', async () => {
  const { broker, quotes } = await start()
  const asked = expect(quotes.priceOf('apples', 500)).rejects.toThrow('no price of apples within 500 ms')
  await broker.advance(500)
  await asked
  await answerQuotes(broker, priceOf)
  await broker.idle()
  expect(broker.topic('quote-replies').records()).toMatchObject([{ key: 'apples', value: { cents: 90 } }])
  expect(quotes.waiting).toBe(0)
})
