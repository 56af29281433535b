/** @platformatic/kafka against the built package: `npm run test:clients`. */
import assert from 'node:assert/strict'
import { afterEach, test } from 'node:test'
import { Admin, Consumer, Producer, stringDeserializers, stringSerializers } from '@platformatic/kafka'
import { Broker, topic } from '../../dist/index.js'
import { serve } from '../../dist/server/index.js'

const open = []
afterEach(async () => {
  for (const close of open.splice(0).toReversed()) await close()
})

async function start() {
  const broker = new Broker({ topics: { orders: topic({ partitions: 2 }) } })
  const errors = []
  broker.on('error', error => errors.push(error))
  open.push(() => broker.close())
  const server = await serve(broker)
  const base = { clientId: 'test', bootstrapBrokers: [server.address] }
  const consume = async (options, onData) => {
    const consumer = new Consumer({
      ...base,
      deserializers: stringDeserializers,
      maxWaitTime: 20,
      ...options,
    })
    open.push(() => consumer.close(true))
    const stream = await consumer.consume({ topics: ['orders'], mode: 'earliest', autocommit: true })
    open.push(() => stream.close())
    stream.on('data', onData)
  }
  return { broker, errors, base, consume }
}

for (const groupProtocol of ['classic', 'consumer']) {
  test(`produces and consumes in a group by the ${groupProtocol} protocol`, async () => {
    const { broker, errors, base, consume } = await start()
    const seen = []
    await consume({ groupId: 'billing', groupProtocol }, ({ key, value, headers, offset }) =>
      seen.push([key, value, headers.get('trace'), offset]),
    )
    const producer = new Producer({ ...base, serializers: stringSerializers })
    open.push(() => producer.close())
    await producer.send({
      messages: [{ topic: 'orders', key: 'k', value: '{"id":1}', headers: { trace: 'x' } }],
    })
    await broker.idle()
    assert.deepEqual(seen, [['k', '{"id":1}', 'x', 0n]])
    assert.deepEqual(broker.topic('orders').records()[0].value, { id: 1 })
    assert.deepEqual(errors, [])
  })
}

test('shares a group with a consumer of the process', async () => {
  const { broker, consume } = await start()
  const seen = []
  await broker
    .consumer({ groupId: 'billing', topics: ['orders'] })
    .run({ eachRecord: () => seen.push('own') })
  await consume({ groupId: 'billing', groupProtocol: 'consumer' }, () => seen.push('theirs'))
  await broker.group('billing').stable({ timeoutMs: 20_000 })
  for (const partition of [0, 1]) await broker.producer().send({ topic: 'orders', value: 1, partition })
  await broker.idle({ timeoutMs: 20_000 })
  assert.deepEqual(seen.toSorted(), ['own', 'theirs'])
})

test('administers topics', async () => {
  const { broker, base } = await start()
  const admin = new Admin(base)
  open.push(() => admin.close())
  await admin.createTopics({ topics: ['late'], partitions: 3, replicas: 1 })
  assert.deepEqual((await admin.listTopics()).toSorted(), ['late', 'orders'])
  assert.equal(broker.topics.get('late').partitionCount, 3)
  await admin.deleteTopics({ topics: ['late'] })
  assert.deepEqual([...broker.topics.keys()], ['orders'])
})
