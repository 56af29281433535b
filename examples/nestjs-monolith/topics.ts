import { topic } from 'brokerlet'

export interface OrderPlaced {
  orderId: string
  customer: string
  total: number
}

export interface OrderPaid {
  orderId: string
  invoice: number
}

export interface OrderShipped {
  orderId: string
  parcel: string
}

/** The topics of the modules, and all that they know of each other. */
export const topics = {
  'orders.placed': topic<OrderPlaced, string>({ partitions: 6 }),
  'orders.paid': topic<OrderPaid, string>({ partitions: 6 }),
  'orders.shipped': topic<OrderShipped, string>({ partitions: 6 }),
}

export type AppTopics = typeof topics
