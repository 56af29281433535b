import { compare } from '../measure.ts'
import { message, orderBroker, Sink } from '../orders.ts'
import type { Row } from '../row.ts'
import { awaitAsync } from '../yardsticks.ts'

export const send: Row = {
  name: 'send',
  what: 'one `await send` after the other, each delivered to a synchronous handler',
  unit: 'ns/record',
  targets: { 'await async function': { first: 6, later: 5 } },
  async measure(scale) {
    const broker = orderBroker()
    const producer = broker.producer()
    const sink = new Sink()
    const consumer = broker.consumer({ groupId: 'billing', topics: ['orders'] })
    await consumer.run({ eachRecord: record => sink.take(record) })
    const ours = async (records: number) => {
      const delivered = sink.expect(records)
      for (let i = 0; i < records; i++) await producer.send(message(i))
      await delivered
    }
    const figures = await compare(scale, ours, { 'await async function': awaitAsync })
    await broker.close()
    return figures
  },
}
