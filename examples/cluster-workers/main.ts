/**
 * HTTP workers in node:cluster that share topics and a group: the primary process has the broker, and serves it.
 * Whichever worker takes an order, the order is billed once, and every worker bills a part of them.
 */
import cluster, { type Worker } from 'node:cluster'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { Broker } from 'brokerlet'
import { serve } from 'brokerlet/server'
import { topics } from './topics.ts'
import { work } from './worker.ts'

const workerCount = 3
const orders = 300

async function main(): Promise<void> {
  const broker = new Broker({ topics })
  const server = await serve(broker, { consumerHeartbeatIntervalMs: 200 })
  const workers = Array.from({ length: workerCount }, () => cluster.fork({ BROKER: server.address }))
  const ports = await Promise.all(workers.map(listening))
  await broker.group('billing').stable()

  // Workers of a cluster that listen on port 0 share one port.
  await Promise.all(Array.from({ length: orders }, (_, n) => send(ports[0]!, n)))
  await broker.idle({ timeoutMs: 30_000 })

  const billed = await Promise.all(workers.map(stopped))
  const sum = billed.reduce((all, each) => all + each, 0)
  console.log(
    `${orders} orders taken over HTTP, ${sum} billed by ${workerCount} workers: ${billed.join(', ')}`,
  )
  await broker.close()
  if (sum !== orders || billed.includes(0)) process.exitCode = 1
}

async function listening(worker: Worker): Promise<number> {
  const ended = once(worker, 'exit').then(() => Promise.reject(new Error('a worker has ended')))
  ended.catch(() => {})
  const [{ port }] = (await Promise.race([once(worker, 'listening'), ended])) as [AddressInfo]
  return port
}

async function send(port: number, n: number): Promise<void> {
  const body = JSON.stringify({ id: `o-${n}`, total: n })
  const { status } = await fetch(`http://127.0.0.1:${port}/orders`, { method: 'POST', body })
  if (status !== 202) throw new Error(`the order was answered with ${status}`)
}

async function stopped(worker: Worker): Promise<number> {
  worker.send('stop')
  const [billed] = await once(worker, 'message')
  return billed as number
}

if (cluster.isPrimary) await main()
else await work(process.env.BROKER!)
