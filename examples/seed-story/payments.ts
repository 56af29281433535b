import { topic } from 'brokerlet'

/** What the customer paid. */
export interface Payment {
  readonly id: number
  readonly account: string
  readonly item: string
  readonly amount: number
}

export const topics = {
  // The key is the account, so payments of one account stay in order.
  payments: topic<Payment, string>({ partitions: 6 }),
}

export type PaymentTopics = typeof topics
