/** The service with the rights that it has in production, and without each of them. See docs/kafka-clients.md, Rights. */
import { Broker, topic } from 'brokerlet'
import { type Acl, RequestLog, serve } from 'brokerlet/server'
import { Kafka, logLevel } from 'kafkajs'
import { expect, it } from 'vitest'
import { type Order, startBilling } from './billing.ts'

const principal = 'User:billing'
const rights: readonly Acl[] = [
  { resourceType: 'TOPIC', resourceName: 'orders', principal, operation: 'READ' },
  { resourceType: 'GROUP', resourceName: 'billing', principal, operation: 'READ' },
  { resourceType: 'TOPIC', resourceName: 'payments', principal, operation: 'WRITE' },
]

async function start(acls: readonly Acl[]) {
  const broker = new Broker({
    topics: {
      orders: topic<Order, string>(),
      payments: topic<{ orderId: string; amount: number }, string>(),
    },
  })
  const requests = new RequestLog()
  const server = await serve(broker, {
    requests,
    sasl: { users: { billing: 'secret' } },
    authorizer: { acls },
  })
  const kafka = new Kafka({
    brokers: [server.address],
    sasl: { mechanism: 'scram-sha-512', username: 'billing', password: 'secret' },
    logLevel: logLevel.NOTHING,
    retry: { retries: 0 },
  })
  return { broker, kafka, requests }
}

it('needs no more rights than these', async () => {
  const { broker, kafka, requests } = await start(rights)
  const billing = await startBilling(kafka)
  await broker.producer().send({ topic: 'orders', key: 'o-1', value: { id: 'o-1', total: 30 } })
  await broker.idle()
  expect(broker.topic('payments').records()).toHaveLength(1)
  const errors = [...requests].flatMap(request => request.errors)
  expect(errors.filter(error => error.endsWith('_AUTHORIZATION_FAILED'))).toEqual([])
  await billing.stop()
  await broker.close()
})

it.each([
  ['read orders', 0, 'TOPIC_AUTHORIZATION_FAILED'],
  ['be in its group', 1, 'GROUP_AUTHORIZATION_FAILED'],
  ['write payments', 2, 'TOPIC_AUTHORIZATION_FAILED'],
] as const)('pays nothing if it may not %s, and hears why', async (_, missing, error) => {
  const { broker, kafka, requests } = await start(rights.toSpliced(missing, 1))
  const billing = await startBilling(kafka).catch(() => undefined)
  await broker.producer().send({ topic: 'orders', key: 'o-1', value: { id: 'o-1', total: 30 } })
  await expect.poll(() => [...requests].flatMap(({ errors }) => errors)).toContain(error)
  expect(broker.topic('payments').records()).toEqual([])
  await billing?.stop()
  await broker.close()
})
