import { topic } from 'brokerlet'

export interface OrderPlaced {
  orderId: string
  customer: string
  total: number
}

export interface PaymentReceived {
  orderId: string
  amount: number
}

/** Every record says whose it is, and which message it is: the policy in `policy.ts` goes by these. */
export interface Headers {
  tenant: string
  id: string
}

/** All that the services tell each other. */
export const topics = {
  orders: topic<OrderPlaced, string, Headers>({ partitions: 12, retentionMs: 3_600_000 }),
  payments: topic<PaymentReceived, string, Headers>({ partitions: 12, retentionMs: 3_600_000 }),
  // Where records of every service go that it cannot handle; kept for a week.
  'dead-letters': topic<unknown>({ partitions: 1, retentionMs: 7 * 24 * 3_600_000 }),
}

export type Topics = typeof topics
