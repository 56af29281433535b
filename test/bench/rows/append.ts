import { compare } from '../measure.ts'
import { message, messages, type OrderMessage, orderBroker, Sink } from '../orders.ts'
import { eventEmitter3 } from '../peers/emitters.ts'
import type { Row } from '../row.ts'

export const append: Row = {
  name: 'append',
  section: 'parts',
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
    const figures = await compare(scale, ours, {
      push,
      [eventEmitter3.name]: eventEmitter3.start({ sink: new Sink(), listeners: 1, messages }),
    })
    await broker.close()
    return figures
  },
}
