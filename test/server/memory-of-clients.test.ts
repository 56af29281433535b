import { expect, it } from 'vitest'
import { apis } from '../../src/server/protocol/apis.ts'
import type { Api } from '../../src/server/protocol/message.ts'
import { request } from '../helpers/wire-client.ts'
import { start } from './batches-scene.ts'

const { produce } = apis as unknown as Readonly<Record<string, Api>>

/** A log, and a client of the process that sends the same memory as often as it likes. */
function scene(value: string) {
  const { log, client, make } = start()
  const topicData = [{ name: 'log', partitionData: [{ index: 0, records: [make([value])] }] }]
  const body = request(produce!, 8, { acks: -1, timeoutMs: 1000, topicData })
  const frame = Buffer.alloc(4 + body.length)
  frame.writeInt32BE(body.length)
  body.copy(frame, 4)
  const send = () => {
    client.socket.write(frame)
    return client.answer()
  }
  return { log, frame, send }
}

// The log keeps it where it came.
const large = 'x'.repeat(100_000)

it('a client of the process may send a large batch again from the same memory', async () => {
  const { log, frame, send } = scene(large)
  const sent = Buffer.from(frame)
  await send()
  await send()
  expect(log.partitions[0]!.highWatermark).toBe(2)
  expect(frame.equals(sent)).toBe(true)
})

it('a client of the process may use the memory of a large batch for something else', async () => {
  const { log, frame, send } = scene(large)
  await send()
  frame.fill(0)
  expect(log.records()).toMatchObject([{ value: large }])
})
