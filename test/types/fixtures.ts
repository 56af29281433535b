import { Broker, type TopicDefinition, topic } from '../../src/index.ts'

export interface Order {
  id: string
  total: number
}

export interface Payment {
  orderId: string
}

/** The topics of an app, as a module would write them down. */
export type App = { orders: TopicDefinition<Order>; payments: TopicDefinition<Payment> }

/** A module that knows one of them. */
export type PaymentsOnly = { payments: TopicDefinition<Payment> }

/** A module that uses no topic. */
// biome-ignore lint/complexity/noBannedTypes: an empty map of topics is what is meant
export type NoTopics = {}

// The type tests are checked and never run: nothing is made here.
export const broker = new Broker({
  topics: { orders: topic<Order>({ partitions: 6 }), payments: topic<Payment>() },
})

export declare const order: Order
export declare const payment: Payment
