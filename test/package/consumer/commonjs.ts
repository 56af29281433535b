// A project whose `module` is CommonJS: TypeScript 5 then looks for sub-paths as Node 10 did, which knew no `exports`.
import assert from 'node:assert/strict'
import { type Broker, type TopicDefinition, topic } from 'brokerlet'
import { connect } from 'brokerlet/kafka'
import { instrument } from 'brokerlet/opentelemetry'
import { serve } from 'brokerlet/server'
import { TestBroker } from 'brokerlet/testing'

async function main(): Promise<void> {
  const stop = instrument()
  const test = new TestBroker({ topics: { orders: topic<number>() } })
  test.topic('orders').append({ value: 1 })
  const broker: Broker<{ orders: TopicDefinition<number> }> = test
  const server = await serve(broker)
  await assert.rejects(connect({ bootstrapBrokers: [server.address] }), { code: 'PEER_NOT_INSTALLED' })
  await server.close()
  await broker.close()
  stop()
  console.log('ok')
}

void main()
