import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { InvalidRecordError, json } from '../../src/index.ts'
import { offsets } from '../helpers/behaviours.ts'
import { rejectionOf, thrownBy } from '../helpers/errors.ts'
import { testBroker } from '../helpers/test-broker.ts'

/** Five records of which number 2 cannot be decoded, or its schema no longer takes it, until it is mended. */
function poisoned(by: 'codec' | 'schema') {
  const { broker, clock } = testBroker()
  const state = { broken: false }
  const codec = {
    encode: json.encode,
    decode: (stored: Uint8Array) => {
      const value = json.decode(stored)
      if (by === 'codec' && state.broken && value === 2) throw new SyntaxError('not JSON')
      return value
    },
  }
  const schema = z.number().refine(n => by === 'codec' || !state.broken || n !== 2, 'not two')
  broker.createTopic('log', { codec, schema })
  for (let i = 0; i < 5; i++) broker.topic('log').append({ value: i })
  state.broken = true
  const reader = (groupId = 'g') => broker.consumer({ groupId, topics: ['log'] })
  const committed = () => broker.group('g').committed({ topic: 'log', partition: 0 })?.offset ?? null
  return { broker, clock, state, reader, committed }
}

const why = {
  codec: 'Record at offset 2 of log-0: its codec could not decode it: not JSON',
  schema: 'Record at offset 2 of log-0: its schema refused the value: not two',
}

describe.each(['codec', 'schema'] as const)('a record that its %s refuses to read', by => {
  const invalid = expect.objectContaining({
    name: 'InvalidRecordError',
    code: 'INVALID_RECORD',
    topic: 'log',
    partition: 0,
    offset: 2,
    field: 'value',
    message: why[by],
  })

  it('is tried again like any failed one, and handled once it can be read', async () => {
    const { clock, state, reader, committed } = poisoned(by)
    const read: number[] = []
    const retries: unknown[] = []
    const consumer = reader()
    consumer.on('retrying', ({ error, attempt, record }) => retries.push([error, attempt, record.offset]))
    await consumer.run({ eachRecord: record => void read.push(record.value) })
    await clock.settle()
    expect([read, committed(), retries]).toEqual([[0, 1], 2, [[invalid, 1, 2]]])
    await clock.advance(100)
    expect(retries).toHaveLength(2)
    state.broken = false
    await clock.advance(200)
    expect([read, committed()]).toEqual([[0, 1, 2, 3, 4], 5])
  })

  it("is skipped with onFailure: 'skip', record by record and in a batch", async () => {
    for (const kind of ['record', 'batch'] as const) {
      const { broker, reader, committed } = poisoned(by)
      const read: number[] = []
      const skipped: unknown[] = []
      const consumer = reader()
      consumer.on('skipped', ({ error, attempts, record }) => skipped.push([error, attempts, record.offset]))
      const common = { retry: { attempts: 1 }, onFailure: 'skip' } as const
      if (kind === 'record')
        await consumer.run({ ...common, eachRecord: record => void read.push(record.value) })
      else {
        const eachBatch = (batch: any) => void read.push(...batch.records.map((record: any) => record.value))
        await consumer.run({ ...common, eachBatch })
      }
      await broker.idle()
      expect([read, committed(), skipped]).toEqual([[0, 1, 3, 4], 5, [[invalid, 1, 2]]])
    }
  })

  it("stops the consumer with onFailure: 'stop'; what came before is committed, and the record is still there", async () => {
    const { broker, clock, state, reader, committed } = poisoned(by)
    const consumer = reader()
    consumer.on('crashed', () => {})
    await consumer.run({ eachRecord() {}, retry: { attempts: 1 }, onFailure: 'stop' })
    const error = await rejectionOf(consumer.done)
    expect(error).toMatchObject({ name: 'ConsumerCrashedError', code: 'CONSUMER_CRASHED', offset: 2 })
    expect([error.cause, committed()]).toEqual([invalid, 2])
    state.broken = false
    const read: number[] = []
    await reader().run({ eachRecord: record => void read.push(record.value) })
    await broker.idle()
    await clock.settle()
    expect(read).toEqual([2, 3, 4])
  })

  it('is thrown by poll after what comes before it, each time, until it is sought past', async () => {
    const { reader, committed } = poisoned(by)
    const consumer = reader()
    expect(offsets(await consumer.poll())).toEqual([0, 1])
    for (let i = 0; i < 2; i++) expect(await rejectionOf(consumer.poll())).toEqual(invalid)
    expect(committed()).toBe(2)
    consumer.seek({ topic: 'log', partition: 0 }, 3)
    expect(offsets(await consumer.poll())).toEqual([3, 4])
  })

  it('is thrown by a loop, which ends; the next one begins with it', async () => {
    const { state, reader, committed } = poisoned(by)
    const read: number[] = []
    const loop = async () => {
      for await (const record of reader()) {
        read.push(record.offset)
        if (record.offset === 4) break
      }
    }
    expect(await rejectionOf(loop())).toEqual(invalid)
    expect([read, committed()]).toEqual([[0, 1], 2])
    state.broken = false
    await loop()
    expect(read).toEqual([0, 1, 2, 3, 4])
  })

  it('is thrown by a loop over batches after the batch before it', async () => {
    const { reader, committed } = poisoned(by)
    const batches: number[][] = []
    const loop = async () => {
      for await (const batch of reader().batches()) batches.push(offsets(batch.records))
    }
    expect(await rejectionOf(loop())).toEqual(invalid)
    expect([batches, committed()]).toEqual([[[0, 1]], 2])
  })

  it('is thrown by a read of the partition, and the others can be read', () => {
    const { broker } = poisoned(by)
    const partition = broker.topic('log').partitions[0]!
    expect(thrownBy(() => partition.read(0))).toBeInstanceOf(InvalidRecordError)
    expect(thrownBy(() => broker.topic('log').records())).toEqual(invalid)
    expect(offsets(partition.read(0, { maxRecords: 2 }))).toEqual([0, 1])
    expect(offsets(partition.read(3))).toEqual([3, 4])
  })
})
