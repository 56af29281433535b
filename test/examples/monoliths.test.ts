import { Broker } from 'brokerlet'
import { describe, expect, it } from 'vitest'
import { createApp, topics } from '../../examples/fastify-monolith/app.ts'
import { runExample } from './run-example.ts'

describe('the NestJS monolith', { timeout: 60_000 }, () => {
  it('takes orders through three modules, and closes', async () => {
    const { exit, lines, errors } = await runExample('nestjs-monolith/main.ts')

    expect(errors).toBe('')
    expect(exit).toBe(0)
    expect(lines).toEqual([
      '5 orders placed, 5 not shipped yet',
      '5 invoices, 150 in all',
      ...[1, 2, 3, 4, 5].map(id => `order-${id}: parcel-of-order-${id}`),
      'closed',
    ])
  })

  it('ships on SIGTERM what was ordered before it ends', async () => {
    const { exit, lines, errors } = await runExample('nestjs-monolith/server.ts', {
      onLine: (line, kill) => {
        if (line.startsWith('50 orders')) kill('SIGTERM')
      },
    })

    expect(errors).toBe('')
    expect(exit).toBe(0)
    const [before, after] = lines.slice(-2)
    const placed = /^SIGTERM: (\d+) orders placed, \d+ not shipped yet$/.exec(before!)?.[1]
    expect(after).toBe(`closed: ${placed} orders placed, 0 not shipped`)
  })
})

describe('the Fastify monolith', { timeout: 60_000 }, () => {
  it('takes orders through three modules, and closes', async () => {
    const { exit, lines, errors } = await runExample('fastify-monolith/main.ts')

    expect(errors).toBe('')
    expect(exit).toBe(0)
    expect(lines).toEqual([
      'POST /orders {"customer":"ada","total":10}: 202',
      'POST /orders {"customer":"bob","total":20}: 202',
      'POST /orders {"customer":"ada","total":30}: 202',
      'GET /orders/...: shipped',
      'GET /orders/...: shipped',
      'GET /orders/...: shipped',
      'GET /revenue: {"ada":40,"bob":20}',
      'GET /parcels: {"parcels":3}',
      'closed',
    ])
  })

  it('ships on SIGTERM what was ordered before it ends', async () => {
    const { exit, lines, errors } = await runExample('fastify-monolith/server.ts', {
      onLine: async (line, kill) => {
        const [url] = /http:\S+$/.exec(line) ?? []
        if (url === undefined) return
        const headers = { 'content-type': 'application/json' }
        const body = JSON.stringify({ customer: 'ada', total: 10 })
        await Promise.all(
          Array.from({ length: 20 }, () => fetch(`${url}/orders`, { method: 'POST', headers, body })),
        )
        kill('SIGTERM')
      },
    })

    expect(errors).toBe('')
    expect(exit).toBe(0)
    expect(lines.slice(-2)).toEqual([
      expect.stringMatching(/^SIGTERM: 20 orders, \d+ shipments$/),
      'closed: 20 orders, 20 shipments',
    ])
  })

  it('refuses a bad order, and knows no order that was never placed', async () => {
    await using broker = new Broker({ topics })
    const app = createApp(broker)

    const bad = await app.inject({ method: 'POST', url: '/orders', payload: { customer: 'ada', total: -1 } })
    const unknown = await app.inject('/orders/none')
    await app.close()

    expect(bad.statusCode).toBe(400)
    expect(unknown.statusCode).toBe(404)
    expect(broker.topic('orders').records()).toEqual([])
  })
})
