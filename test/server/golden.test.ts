import { readFileSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, it } from 'vitest'
import { errnos } from '../../src/error-codes.ts'
import { decompress } from '../../src/server/compression.ts'
import { apis } from '../../src/server/protocol/apis.ts'
import type { Api } from '../../src/server/protocol/message.ts'
import { Reader } from '../../src/server/protocol/reader.ts'
import { readRecords, type WireRecord } from '../../src/server/protocol/record-batch.ts'
import { struct } from '../../src/server/protocol/struct.ts'
import { array, int16, int32 } from '../../src/server/protocol/type.ts'
import { coverageOf } from '../golden/coverage.ts'
import { batchesOf, rewritten, subjectOf } from '../golden/golden-exchange.ts'
import { readGoldenFrames } from '../golden/golden-frames.ts'
import { writeMessage } from '../helpers/write-message.ts'

// What the clients were given to send.
const sent: readonly { key: string | null; value: string | null; headers: Record<string, string> }[] =
  JSON.parse(readFileSync(path.resolve(import.meta.dirname, '../golden/records.json'), 'utf8'))
// APIs that are spoken, and that no client was seen to speak. Better: something in test/golden/scenarios speaks them.
// A member sends a description only where it is asked for one, as by a Kafka with a plugin for them.
const unrecorded: ReadonlySet<string> = new Set(['StreamsGroupTopologyDescriptionUpdate'])
const recorded = readGoldenFrames()
const coverage = coverageOf(recorded)

describe.each(recorded)('what $client and Apache Kafka $kafka said', ({ client, exchanges }) => {
  const spoken = new Set(exchanges.map(each => subjectOf(each).api))

  it.each(
    (Object.values(apis) as readonly Api[])
      .filter(api => spoken.has(api))
      .map(api => [api.name, api] as const),
  )('%s comes back as the same bytes, headers included', (name, api) => {
    for (const exchange of exchanges) {
      const { api: its, version } = subjectOf(exchange)
      if (its !== api) continue
      const { request, response, leftOver } = rewritten(exchange, api, version)
      expect(request.toString('hex'), `request ${version}`).toBe(exchange.request.toString('hex'))
      expect(response.toString('hex'), `answer ${version}`).toBe(exchange.response.toString('hex'))
      // Asking for all topics, librdkafka leaves the room of a longer count at the end.
      const isKnown = client.startsWith('librdkafka') && name === 'Metadata'
      if (!isKnown) expect(leftOver, `after request ${version}`).toBe(0)
    }
  })

  it('the records in its batches are those that were sent', () => {
    const written = exchanges.flatMap(batchesOf).filter(({ control }) => !control)
    expect(written.length).toBeGreaterThan(0)
    for (const batch of written) {
      const read = readRecords(batch, decompress)
      expect(read.map(plain)).toEqual(sent)
      expect(read.map(({ offset }) => offset - batch.baseOffset)).toEqual(sent.map((_, index) => index))
      expect(batch).toMatchObject({
        count: sent.length,
        lastOffsetDelta: sent.length - 1,
        timestampType: 'create',
      })
      expect(Math.max(...read.map(({ timestamp }) => timestamp))).toBe(batch.maxTimestamp)
      if (batch.producerId >= 0) expect(batch.baseSequence).toBeGreaterThanOrEqual(0)
    }
  })

  it('control batches tell commits and aborts', () => {
    const ends = exchanges
      .flatMap(batchesOf)
      .filter(({ control }) => control)
      .map(batch => {
        expect(batch).toMatchObject({ transactional: true, count: 1, baseSequence: -1 })
        return readRecords(batch, decompress)[0]!.key!.readInt16BE(2)
      })
    expect(new Set(ends)).toEqual(new Set([0, 1]))
  })
})

it(`covers ${coverage.covered} of the ${coverage.total} versions that are spoken`, () => {
  const recordedNames = new Set(
    recorded.flatMap(({ exchanges }) => exchanges.map(each => subjectOf(each).api?.name)),
  )
  const names = Object.values(apis).map(({ name }) => name)
  expect(names.filter(name => !recordedNames.has(name) && !unrecorded.has(name))).toEqual([])
  expect(names.filter(name => recordedNames.has(name) && unrecorded.has(name))).toEqual([])
})

it('reads what Kafka answers to a version of ApiVersions that it does not know: version 0', () => {
  const later = recorded
    .flatMap(({ exchanges }) => exchanges)
    .filter(each => subjectOf(each).key === apis.apiVersions.key && subjectOf(each).api === undefined)
  expect(later.length).toBeGreaterThan(0)
  for (const { response } of later) {
    const reader = new Reader(response.subarray(4))
    const at = { version: 0, flexible: false }
    const read = apis.apiVersions.response.read(reader, at)
    reader.end()
    expect(read).toMatchObject({ errorCode: errnos.UNSUPPORTED_VERSION })
  }
})

it('hands on tagged fields that a description does not know', () => {
  const apiKeys = array(struct({ apiKey: int16, minVersion: int16, maxVersion: int16 }))
  const older = struct({ errorCode: int16, apiKeys, throttleTimeMs: int32 })
  const answers = recorded
    .flatMap(({ exchanges }) => exchanges)
    .filter(each => subjectOf(each).api === apis.apiVersions && subjectOf(each).version >= 3)
    .map(({ response }) => response.subarray(4))
  expect(answers.length).toBeGreaterThan(0)
  for (const answer of answers) {
    const at = { version: 4, flexible: true }
    const read = older.read(new Reader(answer), at)
    expect(read.unknownTags?.map(({ tag }) => tag)).toEqual([0, 1, 2])
    expect(writeMessage(older, read, at).toString('hex')).toBe(answer.toString('hex'))
  }
})

it('has batches of every compression, from idempotent producers and of transactions', () => {
  const kinds = recorded
    .flatMap(({ exchanges }) => exchanges.flatMap(batchesOf))
    .map(({ compression, transactional, control, producerId }) => {
      if (control) return 'control'
      if (transactional) return 'transactional'
      return producerId < 0 ? compression : 'idempotent'
    })
  expect([...new Set(kinds)].sort()).toEqual([
    'control',
    'gzip',
    'idempotent',
    'lz4',
    'none',
    'snappy',
    'transactional',
    'zstd',
  ])
})

function plain({ key, value, headers }: WireRecord) {
  return {
    key: key && `${key}`,
    value: value && `${value}`,
    headers: Object.fromEntries(headers.map(([name, each]) => [name, `${each}`])),
  }
}
