import { randomUUID } from 'node:crypto'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { type Broker, isBrokerletError } from 'brokerlet'
import { metricsType, toPrometheus } from '../metrics/prometheus.ts'
import type { Topics } from './topics.ts'

interface Answer {
  readonly status: number
  readonly body: unknown
}

/** Takes requests; the work that they ask for is done later, by the services. */
export function createHttpServer(broker: Broker<Topics>): Server {
  const producer = broker.producer({ clientId: 'http' })

  async function placeOrder(request: IncomingMessage): Promise<Answer> {
    const order = orderIn(await bodyOf(request))
    if (order === undefined) return { status: 400, body: 'customer, total' }
    const { customer, total } = order
    const orderId = randomUUID()
    const headers = { tenant: String(request.headers['x-tenant'] ?? 'none'), id: orderId }
    // The order is in the log when this resolves: no service has to be running, or fast, for it to be accepted.
    await producer.send({ topic: 'orders', key: customer, headers, value: { orderId, customer, total } })
    return { status: 202, body: { orderId } }
  }

  const routes: Record<string, (request: IncomingMessage) => Answer | Promise<Answer>> = {
    'POST /orders': placeOrder,
    'POST /redrive': async () => ({
      status: 200,
      body: { moved: await broker.redrive({ from: 'dead-letters' }) },
    }),
    'GET /health': () => health(broker),
  }

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (request.url === '/metrics') {
      response.setHeader('content-type', metricsType).end(toPrometheus(broker.describe()))
      return
    }
    const route = routes[`${request.method} ${request.url}`]
    const { status, body } = route ? await route(request) : { status: 404, body: 'no such thing' }
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
  }

  return createServer((request, response) => {
    handle(request, response).catch(error => {
      // The topic is full, or the broker is closing: the caller may try again.
      const later = isBrokerletError(error) && (error.retriable || error.code === 'CLOSED')
      const status = later ? 503 : 500
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(String(error)))
    })
  })
}

// Healthy means that every group has a live consumer. One whose handler fails again and again is not, so this is to
// alert somebody, and not for a process manager to restart on: that would lose the work of all services.
function health(broker: Broker<Topics>): Answer {
  const groups = broker
    .describe()
    .groups.filter(({ groupId }) => !groupId.endsWith('.redrive'))
    .map(({ groupId, lag, members }) => ({ groupId, lag, members: members.length }))
  return { status: groups.every(({ members }) => members > 0) ? 200 : 503, body: groups }
}

/** The order that a body asks for, if it does: what is no order is the caller's mistake, and no failure here. */
function orderIn(body: string): { customer: string; total: number } | undefined {
  try {
    const { customer, total } = JSON.parse(body)
    return typeof customer === 'string' && typeof total === 'number' ? { customer, total } : undefined
  } catch {
    return undefined
  }
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  let body = ''
  for await (const chunk of request.setEncoding('utf8')) body += chunk
  return body
}
