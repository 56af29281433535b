/** The services of the examples, which know only a `PubSub`, with the one line changed that makes it. */
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { type Price, PriceList } from '../../examples/compacted-table/prices.ts'
import {
  type Account,
  type AccountEvent,
  accountTopics,
  apply,
  startAccounts,
} from '../../examples/event-sourcing/accounts.ts'
import { type Invoice, Invoicing, type Order } from '../../examples/exactly-once/invoicing.ts'
import {
  createApp as createFastifyApp,
  topics as fastifyTopics,
} from '../../examples/fastify-monolith/app.ts'
import { createApp as createNestApp } from '../../examples/nestjs-monolith/app.ts'
import { OrdersService } from '../../examples/nestjs-monolith/orders.module.ts'
import { topics as nestTopics } from '../../examples/nestjs-monolith/topics.ts'
import { answerQuotes, Quotes, quoteTopics } from '../../examples/request-reply/quotes.ts'
import { orderTopics, startSaga, startService } from '../../examples/saga/orders.ts'
import { Banking } from '../../examples/seed-story/banking.ts'
import { Logging } from '../../examples/seed-story/logging.ts'
import { topics as paymentTopics } from '../../examples/seed-story/payments.ts'
import { Stock } from '../../examples/seed-story/stock.ts'
import { Billing } from '../../examples/small-monolith/billing.ts'
import { Mailing } from '../../examples/small-monolith/mailing.ts'
import { around, consumerDefaults } from '../../examples/small-monolith/policy.ts'
import { Shipping } from '../../examples/small-monolith/shipping.ts'
import { topics as monolithTopics } from '../../examples/small-monolith/topics.ts'
import { shopTopics, startBilling, startShipping } from '../../examples/testing/shop.ts'
import { Broker, type TopicMap, topic } from '../../src/index.ts'
import { type ConnectOptions, connect, type KafkaConnection } from '../../src/kafka/index.ts'
import { serve } from '../../src/server/index.ts'
import { isKafkaInstalled, startRealKafka } from '../kafka/real-kafka.ts'
import { numbers, readAll, until } from './collect.ts'

interface Place {
  readonly address: string
  close(): Promise<void>
}

function moved(start: () => Promise<Place>): void {
  let place: Place
  const open: KafkaConnection<never>[] = []
  beforeAll(async () => {
    place = await start()
  })
  afterAll(() => place?.close())
  // The examples have topics and groups of the same names.
  afterEach(async () => {
    const rest = await connectTo({})
    for (const bus of open.splice(0)) if (bus !== rest) await bus.close({ timeoutMs: 2000 })
    for (const groupId of await rest.admin.listGroups()) await rest.admin.deleteGroup(groupId)
    for (const name of await rest.admin.listTopics()) await rest.admin.deleteTopic(name)
    await rest.close()
  })

  // The one line that changes.
  async function connectTo<const T extends TopicMap>(
    topics: T,
    more: Partial<ConnectOptions<T>> = {},
  ): Promise<KafkaConnection<T>> {
    const bootstrapBrokers = [place.address]
    const bus = await connect({
      bootstrapBrokers,
      topics,
      createTopics: true,
      autoCommitIntervalMs: 50,
      ...more,
    })
    open.push(bus as unknown as KafkaConnection<never>)
    return bus
  }

  describe('the examples', () => {
    it('bill and ship each order of a shop once', async () => {
      const bus = await connectTo(shopTopics)
      const { charged } = await startBilling(bus)
      const { parcels } = await startShipping(bus)
      const producer = bus.producer()
      for (const id of ['o-1', 'o-2', 'o-1', 'o-3'])
        await producer.send({ topic: 'orders', key: id, value: { id, total: 12 } })
      await until(() => expect([...parcels].sort()).toEqual(['o-1', 'o-2', 'o-3']))
      await until(() => expect(charged.size).toBe(3))
    })

    it('keep a slow service and one that has failed from the others', async () => {
      const bus = await connectTo(paymentTopics)
      const [banking, stock, logging] = [new Banking(), new Stock(), new Logging(50)]
      await banking.start(bus)
      await stock.start(bus)
      const logger = await logging.start(bus)
      const producer = bus.producer()
      const payments = numbers(120, 1).map(id => ({ id, account: `a-${id % 10}`, item: 'tea', amount: id }))
      for (const value of payments) await producer.send({ topic: 'payments', key: value.account, value })
      await until(() => expect(banking.payments).toBe(120))
      await expect(logger.done).rejects.toThrow('no space left on device')
      expect(logging.lines).toHaveLength(50)
      expect((await bus.admin.describeGroup('logging')).lag).toBe(70)

      logging.capacity = Number.POSITIVE_INFINITY
      await logging.start(bus)
      await until(() => expect(logging.lines.length).toBe(120))
      expect(new Set(logging.lines).size).toBe(120)
      await until(() => expect(stock.payments).toBe(120))
      expect(banking.total).toBe(7260)
    })

    it('write one invoice for each order, whatever fails on the way', async () => {
      const bus = await connectTo({ orders: topic<Order>(), invoices: topic<Invoice>() })
      const send = (from: number, to: number) =>
        bus.producer().sendBatch(
          numbers(to - from, from).map(n => ({
            topic: 'orders' as const,
            value: { id: `o-${n}`, cents: n },
          })),
        )
      const done = () => until(async () => expect((await bus.admin.describeGroup('invoicing')).lag).toBe(0))
      await send(0, 20)
      const first = await new Invoicing(bus).start()
      await done()
      await first.stop()
      const second = await new Invoicing(bus).start()
      await send(20, 40)
      await done()
      await second.stop()
      expect(first.attempts + second.attempts).toBe(44)
      const invoiced = (await readAll(bus, 'invoices')).map(({ value }) => (value as Invoice).orderId)
      expect(invoiced).toEqual(numbers(40).map(n => `o-${n}`))
      expect(await readAll(bus, 'invoices', { isolationLevel: 'read_uncommitted' })).toHaveLength(44)
    })

    it('decide each command for an account once, also where another instance takes over', async () => {
      const producer = (await connectTo(accountTopics)).producer()
      const command = (n: number) =>
        producer.send({
          topic: 'commands',
          key: `a-${n % 4}`,
          value: { kind: n % 3 === 0 ? 'deposit' : 'withdraw', cents: 10 + (n % 5) * 10 },
        })
      const instances = [await connectTo(accountTopics), await connectTo(accountTopics)] as const
      await startAccounts(instances[0], { name: 'first' })
      for (const n of numbers(20)) await command(n)
      await startAccounts(instances[1], { name: 'second' })
      for (const n of numbers(20, 20)) await command(n)
      await instances[0].close()
      for (const n of numbers(20, 40)) await command(n)
      const { admin } = instances[1]
      await until(async () => expect((await admin.describeGroup('accounts')).lag).toBe(0))

      const events = await readAll(instances[1], 'events')
      expect(events).toHaveLength(60)
      const replayed = new Map<string, Account>()
      for (const { key, value } of events) {
        const account = apply(replayed.get(key as string) ?? { cents: 0 }, value as AccountEvent)
        expect(account.cents).toBeGreaterThanOrEqual(0)
        replayed.set(key as string, account)
      }
      const states = await readAll(instances[1], 'accounts')
      expect(new Map(states.map(({ key, value }) => [key, value]))).toEqual(replayed)
    })

    it('lead an order from step to step, and back', async () => {
      const bus = await connectTo(orderTopics)
      const name = 'only'
      await startSaga(bus, { name })
      await startService(bus, {
        groupId: 'payments',
        name,
        work: {
          pay: async (_, { cents }) => (cents > 1000 ? 'declined' : 'paid'),
          refund: async () => 'refunded',
        },
      })
      await startService(bus, {
        groupId: 'stock',
        name,
        work: { reserve: async (_, { sku }) => (sku === 'lamp' ? 'outOfStock' : 'reserved') },
      })
      const states = new Map<string, string>()
      const reader = bus.consumer({ topics: ['states'] })
      await reader.run({ eachRecord: ({ key, value }) => void states.set(key, value) })
      const orders = [
        ['o-1', 'chair', 500],
        ['o-2', 'lamp', 500],
        ['o-3', 'chair', 5000],
      ] as const
      for (const [key, sku, cents] of orders)
        await bus.producer().send({ topic: 'events', key, value: { kind: 'placed', sku, cents } })
      const end = { 'o-1': 'confirmed', 'o-2': 'cancelled', 'o-3': 'cancelled' }
      await until(() => expect(Object.fromEntries(states)).toEqual(end))
    })

    it('answer each question with its own answer, whoever asked', async () => {
      const bus = await connectTo(quoteTopics)
      const quotes = await Quotes.start(bus)
      const others = await Quotes.start(await connectTo(quoteTopics))
      await answerQuotes(bus, sku => {
        if (sku === 'apples') return 90
        throw new RangeError(`nobody sells ${sku}`)
      })
      expect(await Promise.all([quotes, others].map(each => each.priceOf('apples', 20_000)))).toEqual([
        90, 90,
      ])
      await expect(quotes.priceOf('dates', 20_000)).rejects.toThrow('RangeError: nobody sells dates')
      expect(quotes.waiting).toBe(0)
    })

    it('read a table back when they start', async () => {
      const prices = topic<Price | null, string>({ cleanupPolicy: 'compact' })
      const bus = await connectTo({ prices })
      const messages = numbers(100).map(n => ({
        topic: 'prices' as const,
        key: `p-${n % 4}`,
        value: n < 96 ? { cents: n } : null,
      }))
      await bus.producer().sendBatch(messages.slice(0, 98))
      const list = await new PriceList(bus).start()
      expect(list.products.map(product => list.priceOf(product))).toEqual([94, 95])
      await list.stop()
    })

    it('bury what a service cannot handle, and handle it when it is sent back', async () => {
      // It logs each attempt that fails.
      const logged = vi.spyOn(console, 'log').mockImplementation(() => {})
      const bus = await connectTo(monolithTopics, { consumerDefaults, around })
      const [billing, shipping, mailing] = [new Billing(), new Shipping(), new Mailing()]
      billing.unreachable.add('bob')
      await Promise.all([billing, shipping, mailing].map(service => service.start(bus)))
      for (const [n, customer] of ['ada', 'bob', 'eve'].entries()) {
        const id = `${place.address} ${n}`
        await bus.producer().send({
          topic: 'orders',
          key: customer,
          headers: { tenant: 'acme', id },
          value: { orderId: id, customer, total: 10 },
        })
      }
      await until(async () => expect(await readAll(bus, 'dead-letters')).toHaveLength(1))
      await until(() => expect(shipping.shipped.size).toBe(2))
      billing.unreachable.clear()
      expect(await bus.redrive({ from: 'dead-letters' })).toBe(1)
      await until(() => expect(shipping.shipped.size).toBe(3))
      expect(await bus.close({ drain: true, timeoutMs: 20_000 })).toEqual([])
      expect(mailing.mails).toHaveLength(6)
      expect(mailing.mails.every(mail => mail.startsWith('acme: '))).toBe(true)
      expect(Object.fromEntries(billing.revenue)).toEqual({ ada: 10, bob: 10, eve: 10 })
      logged.mockRestore()
    })

    it('take orders over HTTP as plugins of Fastify', async () => {
      const app = createFastifyApp(await connectTo(fastifyTopics))
      const locations: string[] = []
      for (const customer of ['ada', 'bob', 'ada']) {
        const payload = { customer, total: 10 }
        const { headers } = await app.inject({ method: 'POST', url: '/orders', payload })
        locations.push(headers.location!)
      }
      await until(async () => {
        for (const location of locations)
          expect((await app.inject(location)).json()).toMatchObject({ status: 'shipped' })
      })
      expect((await app.inject('/revenue')).json()).toEqual({ ada: 20, bob: 10 })
      await app.close()
    })

    it('are modules of NestJS, and end with their application', async () => {
      const bus = await connectTo(nestTopics)
      const app = await createNestApp(bus)
      const orders = app.get(OrdersService)
      for (const orderId of ['o-1', 'o-2']) await orders.place({ orderId, customer: 'ada', total: 10 })
      await until(() => expect(orders.open).toBe(0))
      await app.close()
      await expect(bus.admin.listTopics()).rejects.toMatchObject({ code: 'CLOSED' })
    })
  })
}

describe('connect, to serve', () => {
  moved(async () => {
    const broker = new Broker()
    const server = await serve(broker, { consumerHeartbeatIntervalMs: 50 })
    return { address: server.address, close: () => broker.close().then(() => {}) }
  })
})

describe.skipIf(!isKafkaInstalled)('connect, to Apache Kafka', () => {
  moved(() =>
    startRealKafka({
      properties: {
        'group.consumer.min.heartbeat.interval.ms': 100,
        'group.consumer.heartbeat.interval.ms': 100,
      },
    }),
  )
})
