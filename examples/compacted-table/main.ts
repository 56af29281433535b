import { Broker, topic } from 'brokerlet'
import { type Price, PriceList } from './prices.ts'

const broker = new Broker({
  topics: {
    prices: topic<Price | null, string>({
      cleanupPolicy: 'compact',
      segmentRecords: 500,
      deleteRetentionMs: 0,
    }),
  },
})
const producer = broker.producer()

const products = ['apples', 'bread', 'cheese', 'dates']
const first = await new PriceList(broker).start()
for (let i = 0; i < 10_000; i++) {
  const product = products[i % products.length]!
  await producer.send({ topic: 'prices', key: product, value: { cents: 100 + i } })
}
await producer.send({ topic: 'prices', key: 'bread', value: null })
await broker.idle()
console.log(`the service followed ${first.recordsRead} changes and sells ${first.products.join(', ')}`)
await first.stop()

// By itself, compaction works in small steps on closed segments; here everything is compacted at once.
broker.topic('prices').compact()

const restarted = await new PriceList(broker).start()
console.log(`restarted, it read ${restarted.recordsRead} records and sells ${restarted.products.join(', ')}`)
for (const product of restarted.products) console.log(`${product}: ${restarted.priceOf(product)} cents`)
await broker.close()
