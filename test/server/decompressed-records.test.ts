import { gzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { apis } from '../../src/server/protocol/apis.ts'
import type { Api } from '../../src/server/protocol/message.ts'
import { batch, type Change, start } from './batches-scene.ts'

const { incrementalAlterConfigs } = apis as unknown as Readonly<Record<string, Api>>

const [ofTopic, ofBroker] = [2, 4]
const name = 'max.decompressed.message.bytes'

describe(name, () => {
  // The record's own fields, its key, its header and the quotes of its value have 14 bytes.
  const record = (bytes: number, change: Change = { attributes: 1, pack: gzipSync }) =>
    batch(['x'.repeat(bytes - 14)], Date.UTC(2020, 0, 1), change)

  function limited() {
    const { client, send } = start()
    const limit = async (resourceType: number, resourceName: string, value: string | null) => {
      const configs = [{ name, configOperation: value === null ? 1 : 0, value }]
      const resources = [{ resourceType, resourceName, configs }]
      const { responses } = await client.call(incrementalAlterConfigs!, 1, { resources })
      return [responses[0].errorCode, responses[0].errorMessage]
    }
    const codeOf = async (bytes: Buffer) => (await send(bytes)).errorCode
    return { limit, send, codeOf }
  }

  it('is how large a record may be that was compressed, and no other', async () => {
    const { limit, send, codeOf } = limited()
    expect(await codeOf(record(1000))).toBe(0)
    expect(await limit(ofTopic, 'log', '100')).toEqual([0, null])
    expect(await codeOf(record(100))).toBe(0)
    expect(await send(record(101))).toMatchObject({
      errorCode: 87,
      errorMessage: 'record 0 has 101 bytes, expected at most 100',
      logStartOffset: 0,
      recordErrors: [],
    })
    expect(await codeOf(record(101, {}))).toBe(0)
    expect(await limit(ofTopic, 'log', null)).toEqual([0, null])
    expect(await codeOf(record(101))).toBe(0)
  })

  it('is that of the brokers where the topic says nothing', async () => {
    const { limit, codeOf } = limited()
    expect(await limit(ofBroker, '', '100')).toEqual([0, null])
    expect(await codeOf(record(101))).toBe(87)
    expect(await limit(ofTopic, 'log', '200')).toEqual([0, null])
    expect([await codeOf(record(200)), await codeOf(record(201))]).toEqual([0, 87])
  })

  it('is at least a byte, and at most what Java has room for', async () => {
    const { limit } = limited()
    const refused = (value: string, why: string) => [
      40,
      `Invalid value ${value} for configuration ${name}: Value must be ${why}`,
    ]
    expect(await limit(ofTopic, 'log', '0')).toEqual(refused('0', 'at least 1'))
    expect(await limit(ofTopic, 'log', '2147483640')).toEqual(
      refused('2147483640', 'no more than 2147483639'),
    )
    expect(await limit(ofTopic, 'log', '2147483639')).toEqual([0, null])
  })
})
