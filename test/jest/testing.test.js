/** `brokerlet/testing` under jest, from the built CommonJS, and what is otherwise there: `npm run test:jest`. */
const { topic } = require('brokerlet')
const { connect } = require('brokerlet/kafka')
const { matchers, TestBroker } = require('brokerlet/testing')

expect.extend(matchers)

const topics = { orders: topic({ partitions: 1 }) }
let broker

afterEach(async () => {
  await broker?.close()
  jest.useRealTimers()
})

async function start(options = {}) {
  broker = new TestBroker({ topics, ...options })
  const seen = []
  const consumer = broker.consumer({ groupId: 'billing', topics: ['orders'] })
  await consumer.run({
    eachRecord: async ({ value }) => {
      await broker.clock.sleep(10)
      seen.push(value)
    },
  })
  return { consumer, seen }
}

test('moves time, crashes, redelivers and asserts', async () => {
  const { seen } = await start()
  await broker.producer().send({ topic: 'orders', key: 'a', value: 1 })
  await broker.advanceUntilIdle()
  broker.redeliver({ group: 'billing', topic: 'orders', partition: 0, offset: 0 })
  await broker.advanceUntilIdle()
  expect(seen).toEqual([1, 1])
  expect(broker).toHaveProcessed('billing', [{ key: 'a', value: 1 }])
  expect(broker).toHoldRecords('orders', [{ key: expect.any(String), value: expect.any(Number) }])
  expect(broker).toLoseNothing('billing')
  expect(() => expect(broker).toHaveProcessed('billing', [])).toThrow(
    "Group 'billing' has processed 1 record",
  )
  // In colours, or without.
  expect(() => expect(broker).toHoldRecords('orders', [{ value: 7 }])).toThrow(
    /- .*"value": 7,[\s\S]*\+ .*"value": 1,/,
  )
  broker.crash({ group: 'billing' })
  await broker.advance(45_000)
  expect(broker.group('billing').members).toEqual([])
})

test('moves its own time while fake timers are on that leave promises alone', async () => {
  jest.useFakeTimers({ doNotFake: ['nextTick', 'queueMicrotask'] })
  const { seen } = await start()
  await broker.producer().send({ topic: 'orders', value: 1 })
  await broker.advance(10)
  expect(seen).toEqual([1])
})

test('says what holds promises back where jest fakes everything', async () => {
  const { seen } = await start()
  jest.useFakeTimers()
  await broker.producer().send({ topic: 'orders', value: 1 })
  await expect(broker.advance(10)).rejects.toMatchObject({
    code: 'ILLEGAL_STATE',
    message: expect.stringContaining("jest.useFakeTimers({ doNotFake: ['nextTick', 'queueMicrotask'] })"),
  })
  expect(seen).toEqual([])
  jest.useRealTimers()
})

test("steps jest's timers and the broker's together", async () => {
  jest.useFakeTimers({ doNotFake: ['nextTick', 'queueMicrotask'] })
  const order = []
  const { seen } = await start({ timers: jest })
  setTimeout(() => order.push(`timer, ${seen.length} seen`), 5)
  setTimeout(() => order.push(`timer, ${seen.length} seen`), 15)
  await broker.producer().send({ topic: 'orders', value: 1 })
  await broker.advance(20)
  expect(order).toEqual(['timer, 0 seen', 'timer, 1 seen'])
})

test('says why the client of a cluster cannot be loaded: jest runs no import()', async () => {
  await expect(connect({ bootstrapBrokers: ['127.0.0.1:9092'] })).rejects.toMatchObject({
    code: 'PEER_NOT_INSTALLED',
    message: expect.stringContaining('--experimental-vm-modules'),
  })
})
