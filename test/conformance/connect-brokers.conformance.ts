import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { afterEach, expect, it, vi } from 'vitest'
import type { Admin } from '../../src/index.ts'
import { Connections } from '../../src/kafka/connections.ts'
import { RequestLog, serve, WireFaults } from '../../src/server/index.ts'
import { rejectionOf } from '../helpers/errors.ts'
import { collectWarnings } from '../helpers/warnings.ts'
import { readAll, sendNumbers, until, values } from './collect.ts'
import { open, start } from './served-broker.ts'

const warnings = collectWarnings()

afterEach(() => {
  vi.restoreAllMocks()
})

/** Three brokers, of which the last one answers nothing from now on. */
async function whereOneIsSilent(options: Parameters<typeof start>[1] = {}) {
  const { server, join } = await start({ brokers: 3 })
  const cluster = await join({ bootstrapBrokers: server.bootstrapServers.split(','), ...options })
  const silent = server.brokers[2]!
  silent.slowBy(600_000)
  return { cluster, silent }
}

it('asks the others while a broker owes an answer', async () => {
  const { cluster, silent } = await whereOneIsSilent()
  const began = performance.now()
  // One of them to each broker.
  const first = [1, 2, 3].map(() => cluster.admin.listTopics())
  await Promise.any(first)
  for (let i = 0; i < 6; i++) expect(await cluster.admin.listTopics()).toEqual(['orders'])
  expect(performance.now() - began).toBeLessThan(10_000)
  silent.slowBy(0)
  await Promise.all(first)
})

it('asks the others once a broker has failed to answer, as long as they do', async () => {
  const requestTimeoutMs = 1000
  const { cluster, silent } = await whereOneIsSilent({ requestTimeoutMs })
  const began = performance.now()
  for (let i = 0; i < 12; i++) await cluster.admin.listTopics()
  expect(performance.now() - began).toBeLessThan(2 * requestTimeoutMs)
  silent.slowBy(0)
})

it('asks the next coordinator of a group once the former one has stopped', async () => {
  const { broker, server, join } = await start({ brokers: 3 })
  const cluster = await join({ apiTimeoutMs: 20_000 })
  const groups = Array.from({ length: 6 }, (_, n) => `group-${n}`)
  const commitAll = async (offset: number) => {
    for (const group of groups)
      await cluster.admin.setGroupOffsets(group, [{ topic: 'orders', partition: 0, offset }])
  }
  await sendNumbers(broker, 'orders', 2)
  await commitAll(1)
  await server.brokers[2]!.stop()
  await commitAll(2)
  for (const group of groups)
    expect(broker.group(group).committed({ topic: 'orders', partition: 0 })).toEqual({ offset: 2 })
})

it('lists the groups of the brokers that are left where one stops meanwhile', async () => {
  const faults = new WireFaults()
  const { broker, server, join } = await start({ brokers: 3, faults })
  await broker.admin.setGroupOffsets('g', [{ topic: 'orders', partition: 0, offset: 0 }])
  const cluster = await join({ apiTimeoutMs: 10_000 })
  const held = server.brokers.map(() => faults.pauseNext({ api: 'ListGroups' }))
  const listed = cluster.admin.listGroups()
  for (const each of held) await each.entered
  await server.brokers[2]!.stop()
  for (const each of held) each.release()
  expect(await listed).toEqual(['g'])
})

it.each([
  ['CreateTopics', (admin: Admin) => admin.createTopic('made')],
  ['DeleteTopics', (admin: Admin) => admin.deleteTopic('orders')],
  ['CreatePartitions', (admin: Admin) => admin.addPartitions('orders', 3)],
  ['IncrementalAlterConfigs', (admin: Admin) => admin.alterTopic('orders', { retentionMs: 1000 })],
  ['DeleteRecords', (admin: Admin) => admin.deleteRecords([{ topic: 'orders', partition: 0, offset: 0 }])],
] as const)('asks other things while %s waits for the controller or for replicas', async (api, change) => {
  const faults = new WireFaults()
  const { join } = await start({ faults })
  const cluster = await join()
  const held = faults.pauseNext({ api })
  const changed = change(cluster.admin)
  await held.entered
  expect(await cluster.admin.listTopics()).toEqual(['orders'])
  held.release()
  await changed
})

it('asks the next one where a given broker takes the connection and does not answer', {
  timeout: 20_000,
}, async () => {
  const { server, join } = await start()
  const silent = [createServer(), createServer()]
  for (const each of silent) {
    each.listen(0, '127.0.0.1')
    await once(each, 'listening')
  }
  const addresses = silent.map(each => `127.0.0.1:${(each.address() as AddressInfo).port}`)
  const cluster = await join({ bootstrapBrokers: [...addresses, server.address] })
  expect(await cluster.admin.listTopics()).toEqual(['orders'])
  await cluster.close()
  for (const each of silent) each.close()
  expect(warnings).toEqual([expect.stringContaining('no broker has answered yet')])
})

it('says early where nobody listens, and at last', async () => {
  const { server, join } = await start()
  const { address } = server
  await server.close()
  let over = false
  const warned = once(process, 'warning')
  const connected = rejectionOf(join({ bootstrapBrokers: [address], apiTimeoutMs: 4000 }))
  void connected.then(() => {
    over = true
  })
  const [warning] = await warned
  expect(over).toBe(false)
  const tried = `Connecting to the cluster (${address}): no broker has answered yet, tried for up to 4000 ms: ${address}: `
  expect(warning.message).toContain(tried)
  expect(warning.message).toMatch(/connect ECONNREFUSED/)
  const { message } = await connected
  expect(message).toContain(`Connecting to the cluster (${address}): gave up after 4000 ms: ${address}: `)
  expect(message).toMatch(/connect ECONNREFUSED/)
})

it('says that it is the cluster which names an address that nobody listens at', async () => {
  const { join } = await start()
  const { call } = Connections.prototype
  vi.spyOn(Connections.prototype, 'call').mockImplementation(async function (this: Connections, ...asked) {
    const answer: any = await call.apply(this, asked)
    // As a broker in a container, which names an address that only other containers know.
    const named = answer.brokers?.map((broker: object) => ({ ...broker, host: '127.0.0.1', port: 1 }))
    return named === undefined ? answer : { ...answer, brokers: named }
  })
  const cluster = await join({ deliveryTimeoutMs: 300 })
  expect(await cluster.admin.listTopics()).toEqual(['orders'])
  expect(await rejectionOf(cluster.producer().send({ topic: 'orders', value: 1 }))).toMatchObject({
    code: 'REQUEST_TIMED_OUT',
    message: expect.stringMatching(
      /127\.0\.0\.1:1: .*ECONNREFUSED.*; the cluster names this address: see its advertised\.listeners$/,
    ),
  })
  // A send tells of it only when its time is over, so the process hears of it at once, and once.
  expect(warnings).toEqual([
    expect.stringMatching(
      /^127\.0\.0\.1:1 cannot be reached: .*ECONNREFUSED.*see its advertised\.listeners$/,
    ),
  ])
})

it('says nothing of what the cluster names where a given address is wrong', async () => {
  const { server, join } = await start()
  const wrong = join({ bootstrapBrokers: ['127.0.0.1:1'], apiTimeoutMs: 300 })
  expect(await rejectionOf(wrong)).toMatchObject({ message: expect.not.stringContaining('advertised') })
  const cluster = await join({ deliveryTimeoutMs: 300 })
  await cluster.producer().send({ topic: 'orders', value: 1 })
  await server.close()
  const lost = cluster.producer().send({ topic: 'orders', value: 2 })
  expect(await rejectionOf(lost)).toMatchObject({ message: expect.not.stringContaining('advertised') })
})

it('says once that it has come to another cluster than before', async () => {
  const [one, another] = [await start(), await start()]
  const elsewhere = another.server.address
  const cluster = await one.join({ bootstrapBrokers: [elsewhere, one.server.address] })
  await sendNumbers(cluster, 'orders', 1)
  expect(warnings).toEqual([])
  expect(values(await readAll(one.broker, 'orders'))).toEqual([0])
  await one.server.close()
  for (let i = 0; i < 3; i++) await cluster.admin.listTopics()
  await until(() => expect(warnings).toHaveLength(1))
  const [, now, before] = /cluster '(.+)', and who answered before to '(.+)': /.exec(warnings[0]!)!
  expect(now).not.toBe(before)
  expect(warnings[0]).toBe(
    `${elsewhere} belongs to cluster '${now}', and who answered before to '${before}': either bootstrapBrokers names brokers of both, or the cluster was made anew`,
  )
})

it('does not go back to a former leader on the word of a broker that lags behind', async () => {
  const faults = new WireFaults()
  const requests = new RequestLog()
  const { broker, server, join } = await start({ brokers: 2, faults, requests })
  const cluster = await join()
  await sendNumbers(broker, 'orders', 3)
  const seen: unknown[] = []
  const reader = cluster.consumer({ topics: ['orders'], from: 'beginning' })
  await reader.run({ eachRecord: ({ value }) => void seen.push(value) })
  // The second one leads while the first one is down, and only then.
  await server.brokers[0]!.stop()
  await until(() => expect(requests.of({ api: 'Fetch', nodeId: 2, partition: 0 })).not.toEqual([]))
  await server.brokers[0]!.start()
  const fetched = () => requests.of({ api: 'Fetch', nodeId: 1, partition: 0 })
  const before = fetched().length
  await until(() => expect(fetched().length).toBeGreaterThan(before))
  // It has not heard that either, and its log ends earlier.
  faults.fail({ api: 'Fetch', nodeId: 2, partition: 0 }, 'OFFSET_OUT_OF_RANGE', { always: true })
  requests.clear()
  for (let i = 0; i < 3; i++) {
    faults.staleMetadata()
    await cluster.admin.listGroups()
    const last = fetched().length
    await until(() => expect(fetched().length).toBeGreaterThan(last))
  }
  await sendNumbers(broker, 'orders', 1)
  await until(() => expect(seen.length).toBeGreaterThan(3))
  expect(seen).toEqual([0, 1, 2, 0])
  expect(requests.of({ api: 'Fetch', nodeId: 2, partition: 0 })).toEqual([])
})

it('asks a leader under the epoch that it knows of, so that a former one would not answer', async () => {
  const requests = new RequestLog()
  const { broker, server, join } = await start({ brokers: 2, requests })
  const cluster = await join()
  const at = { topic: 'orders', partition: 0 }
  await sendNumbers(broker, 'orders', 3)
  expect(await cluster.admin.listOffsets([at], 'end')).toEqual([{ ...at, offset: 3 }])
  await server.brokers[0]!.stop()
  await server.brokers[0]!.start()
  // Over connections that are there again, but without a look at who leads what.
  for (let i = 0; i < 4; i++) await cluster.admin.listTopics()
  requests.clear()
  expect(await cluster.admin.listOffsets([at], 'end')).toEqual([{ ...at, offset: 3 }])
  const errors = requests.of({ api: 'ListOffsets' }).map(each => each.errors)
  expect(errors).toEqual([['FENCED_LEADER_EPOCH'], []])
})

it('goes on where a broker whose leaders have moved is served anew', async () => {
  const { broker, server, join } = await start()
  const cluster = await join()
  const producer = cluster.producer()
  const send = (value: string) => producer.send({ topic: 'orders', partition: 0, value })
  await send('one')
  await server.brokers[0]!.stop()
  await server.brokers[0]!.start()
  await send('two')
  expect(values(await readAll(cluster, 'orders'))).toEqual(['one', 'two'])
  await server.close()
  open.push(await serve(broker, { port: Number(server.address.split(':')[1]) }))
  await send('three')
  expect(values(await readAll(cluster, 'orders'))).toEqual(['one', 'two', 'three'])
})

it('goes on where a broker is served anew whose leaders have moved less often in another server', async () => {
  const { broker, server, join } = await start()
  const other = await serve(broker)
  open.push(other)
  const restart = async (each: typeof server) => {
    await each.brokers[0]!.stop()
    await each.brokers[0]!.start()
  }
  await restart(other)
  await restart(server)
  await restart(server)
  const cluster = await join({ apiTimeoutMs: 3000 })
  await sendNumbers(cluster, 'orders', 1)
  expect(values(await readAll(cluster, 'orders'))).toEqual([0])
  await restart(other)
  await server.close()
  open.push(await serve(broker, { port: Number(server.address.split(':')[1]) }))
  expect(values(await readAll(cluster, 'orders'))).toEqual([0])
})
