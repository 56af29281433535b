import { topic } from 'brokerlet'

/** What the customer paid. */
export interface Payment {
  readonly id: number
  readonly account: string
  readonly item: string
  readonly amount: number
}

export const topics = {
  // The key is the account: what happens to one account happens in order.
  payments: topic<Payment, string>({ partitions: 6 }),
}

export type PaymentTopics = typeof topics
