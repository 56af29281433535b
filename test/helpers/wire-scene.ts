import { afterEach } from 'vitest'
import { topic } from '../../src/index.ts'
import { connect, type WireOptions } from '../../src/server/index.ts'
import { TestBroker } from '../../src/testing/index.ts'
import { WireClient } from './wire-client.ts'

/** Makes brokers with a topic `orders`, each with a client on the wire; they are closed after each test of the file. */
export function wireScenes() {
  const brokers: TestBroker<any>[] = []
  afterEach(async () => {
    for (const broker of brokers.splice(0)) await broker.close()
  })
  return (options: WireOptions = {}) => {
    const broker = new TestBroker({ topics: { orders: topic() } })
    brokers.push(broker)
    return { broker, client: new WireClient(connect(broker, options)) }
  }
}
