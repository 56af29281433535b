import { topic } from 'brokerlet'

export interface Order {
  readonly id: string
  readonly total: number
}

export const topics = { orders: topic<Order, string>({ partitions: 12 }) }
