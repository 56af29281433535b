import { type PubSub, topic } from 'brokerlet'

export interface Order {
  readonly sku: string
  readonly cents: number
}

type Happened = 'placed' | 'paid' | 'declined' | 'reserved' | 'outOfStock' | 'refunded'
type ToDo = 'pay' | 'reserve' | 'refund'
export type OrderState = 'open' | 'confirmed' | 'cancelled'

const partitions = 3

// The key is the order's id, so what is about one order keeps its order.
export const orderTopics = {
  events: topic<Order & { readonly kind: Happened }, string>({ partitions }),
  commands: topic<Order & { readonly kind: ToDo }, string>({ partitions }),
  states: topic<OrderState, string>({ partitions, cleanupPolicy: 'compact' }),
}

type Bus = PubSub<typeof orderTopics>

/** What each event leads to. Once an order is paid, whatever goes wrong leads to a refund. */
const steps: Readonly<Record<Happened, { readonly command?: ToDo; readonly state?: OrderState }>> = {
  placed: { command: 'pay', state: 'open' },
  paid: { command: 'reserve' },
  declined: { state: 'cancelled' },
  reserved: { state: 'confirmed' },
  outOfStock: { command: 'refund' },
  refunded: { state: 'cancelled' },
}

/** Leads each order from step to step. It remembers nothing: an event says all that the next step needs. */
export async function startSaga(bus: Bus, { name }: { readonly name: string }): Promise<void> {
  const producer = bus.producer({ transactionalId: `saga-${name}` })
  const events = bus.consumer({ groupId: 'saga', topics: ['events'], autoCommit: false })
  await events.run({
    eachRecord: ({ key, value: { kind, sku, cents } }, context) =>
      producer.transaction(async tx => {
        const { command, state } = steps[kind]
        if (command !== undefined)
          await tx.send({ topic: 'commands', key, value: { kind: command, sku, cents } })
        if (state !== undefined) await tx.send({ topic: 'states', key, value: state })
        await tx.sendOffsets(context)
      }),
  })
}

/**
 * Does what a command asks for. It goes by the order's id, since a command may come twice: the answer is in a
 * transaction, but the work outside of the broker is not.
 */
type Work = (id: string, order: Order) => Promise<Happened>

/** A service that answers the commands of its kinds. What its work throws is tried again; a refusal is an answer. */
export async function startService(
  bus: Bus,
  { groupId, name, work }: { groupId: string; name: string; work: Partial<Record<ToDo, Work>> },
): Promise<void> {
  const producer = bus.producer({ transactionalId: `${groupId}-${name}` })
  const commands = bus.consumer({ groupId, topics: ['commands'], autoCommit: false })
  await commands.run({
    eachRecord: ({ key, value: { kind, ...order } }, context) =>
      producer.transaction(async tx => {
        const happened = await work[kind]?.(key, order)
        if (happened !== undefined)
          await tx.send({ topic: 'events', key, value: { kind: happened, ...order } })
        await tx.sendOffsets(context)
      }),
  })
}
