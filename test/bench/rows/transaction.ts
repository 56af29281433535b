import { compare } from '../measure.ts'
import { message, orderBroker } from '../orders.ts'
import type { Row } from '../row.ts'

const perTransaction = 100

export const transactions: readonly Row[] = [
  {
    name: 'transaction',
    section: 'housekeeping',
    what: 'transactions of 100 sends, each awaited, beside the same sends without one; nobody reads',
    unit: 'ns/record',
    targets: { 'plain sends': 1.5 },
    async measure(scale) {
      const broker = orderBroker()
      const plain = broker.producer()
      const producer = broker.producer({ transactionalId: 'orders' })
      const ours = async (records: number) => {
        for (let done = 0; done < records; done += perTransaction) {
          await producer.transaction(async tx => {
            for (let i = 0; i < perTransaction; i++) await tx.send(message(i))
          })
        }
      }
      const theirs = async (records: number) => {
        for (let i = 0; i < records; i++) await plain.send(message(i))
      }
      const figures = await compare(scale, ours, { 'plain sends': theirs })
      await broker.close()
      return figures
    },
  },
]
