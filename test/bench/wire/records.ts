import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { Scale } from './row.ts'
import { kafkaJs, type Server } from './server.ts'

/** Of every topic here. What a partition of the mock cluster keeps is 5 MiB, so there have to be some. */
export const partitions = 24

/** Records of one batch when a topic is filled: about 100 kB. */
const batchRecords = (recordBytes: number) => (recordBytes > 500 ? 100 : 1000)

const batchesOfPartition = 40

export function payload(recordBytes: number): Buffer {
  return Buffer.from('brokerlet '.repeat(Math.ceil(recordBytes / 10)).slice(0, recordBytes))
}

export function scaled(records: number, { share }: Scale): number {
  return Math.ceil(records * share)
}

let names = 0

/** Of names that no server has heard of yet. */
export function newName(prefix: string): string {
  return `${prefix}-${process.pid}-${names++}`
}

/**
 * Makes a topic and fills it with the same batches on each server; gives how many records it has. It is less than 5 MiB a
 * partition, all that the mock cluster keeps.
 */
export async function fill(
  server: Server,
  topic: string,
  recordBytes: number,
  scale: Scale,
): Promise<number> {
  await server.createTopic(topic, partitions)
  const producer = kafkaJs(server).producer()
  await producer.connect()
  const batch = Array.from({ length: batchRecords(recordBytes) }, () => ({ value: payload(recordBytes) }))
  const batches = scaled(batchesOfPartition, scale)
  for (let i = 0; i < batches; i++)
    for (let partition = 0; partition < partitions; partition++)
      await producer.send({ topic, messages: batch.map(record => ({ ...record, partition })) })
  await producer.disconnect()
  return batches * partitions * batch.length
}

let folder: string | undefined

/** Writes a file with a record on each line; it is gone when the program ends. */
export function writeLines(recordBytes: number, records: number): string {
  if (folder === undefined) {
    const made = mkdtempSync(path.join(tmpdir(), 'brokerlet-bench-'))
    process.once('exit', () => rmSync(made, { recursive: true, force: true }))
    folder = made
  }
  const file = path.join(folder, `${records}-of-${recordBytes}`)
  writeFileSync(file, `${payload(recordBytes)}\n`.repeat(records))
  return file
}
