import { compare } from '../measure.ts'
import { message, type OrderMessage, orderBroker, Sink } from '../orders.ts'
import type { Row } from '../row.ts'
import { emit } from '../yardsticks.ts'

export const append: Row = {
  name: 'append',
  what: '`topic.append`, keyed, 12 partitions, nobody reads',
  unit: 'ns/record',
  async measure(scale) {
    const broker = orderBroker()
    const topic = broker.topic('orders')
    const ours = (records: number) => {
      for (let i = 0; i < records; i++) {
        const { key, value } = message(i)
        topic.append({ key, value })
      }
    }
    const push = (records: number) => {
      const kept: OrderMessage[] = []
      for (let i = 0; i < records; i++) kept.push(message(i))
      if (kept.length !== records) throw new Error('kept too few')
    }
    const figures = await compare(scale, ours, { push, emit: emit(new Sink()) })
    await broker.close()
    return figures
  },
}
