import { json, topic } from '../../src/index.ts'
import { testBroker } from '../helpers/test-broker.ts'

/** A broker in which one record is written already, and what a test needs to see that nothing else is. */
export function shop() {
  const { broker, clock } = testBroker({
    topics: {
      orders: topic<unknown>({ partitions: 3 }),
      order_lines: topic<unknown>(),
      raw: topic<unknown, Uint8Array>({ keys: 'bytes' }),
      limited: topic<unknown>({ codec: json, maxMessageBytes: 10 }),
    },
  })
  broker.topic('orders').append({ value: 'before', partition: 0 })
  const producer = broker.producer()
  const send = (message: unknown) => producer.send(message as never)
  const values = () =>
    broker
      .topic('orders')
      .records()
      .map(record => record.value)
  return { broker, clock, producer, send, values }
}
