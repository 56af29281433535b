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

/** The tenant and the message id of every record, which the policy in `policy.ts` uses. */
export interface Headers {
  tenant: string
  id: string
}

/** The topics of all services. */
export const topics = {
  orders: topic<OrderPlaced, string, Headers>({ partitions: 12, retentionMs: 3_600_000 }),
  payments: topic<PaymentReceived, string, Headers>({ partitions: 12, retentionMs: 3_600_000 }),
  // Records that a service could not handle; kept for a week.
  'dead-letters': topic<unknown>({ partitions: 1, retentionMs: 7 * 24 * 3_600_000 }),
}

export type Topics = typeof topics
