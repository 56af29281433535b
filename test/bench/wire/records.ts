import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { Scale } from './row.ts'
import { kafkaJs, type Server } from './server.ts'

/** The number of partitions of every topic. The mock cluster keeps 5 MiB of a partition, so there must be several. */
export const partitions = 24

/** The contents of each partition of a topic, by batch. */
export interface Contents {
  readonly recordBytes: number
  readonly batchRecords: number
  readonly batches: number
}

/** As much as the mock cluster keeps, or a share of it, in batches of about 100 kB. */
export function plenty(recordBytes: number, scale: Scale): Contents {
  return { recordBytes, batchRecords: recordBytes > 500 ? 100 : 1000, batches: scaled(40, scale) }
}

export const little: Contents = { recordBytes: 100, batchRecords: 1, batches: 1 }

export interface FilledTopic {
  readonly topic: string
  readonly records: number
}

export function payload(recordBytes: number): Buffer {
  return Buffer.from('brokerlet '.repeat(Math.ceil(recordBytes / 10)).slice(0, recordBytes))
}

export function scaled(records: number, { share }: Scale): number {
  return Math.ceil(records * share)
}

let names = 0

/** Returns a name that no server has seen yet. */
export function newName(prefix: string): string {
  return `${prefix}-${process.pid}-${names++}`
}

/** Creates a topic, and fills it with the same batches on each server. */
export async function fill(server: Server, contents: Contents): Promise<FilledTopic> {
  const { recordBytes, batchRecords, batches } = contents
  const topic = newName('filled')
  await server.createTopic(topic, partitions)
  const producer = kafkaJs(server).producer()
  await producer.connect()
  const batch = Array.from({ length: batchRecords }, () => ({ value: payload(recordBytes) }))
  for (let i = 0; i < batches; i++)
    for (let partition = 0; partition < partitions; partition++)
      await producer.send({ topic, messages: batch.map(record => ({ ...record, partition })) })
  await producer.disconnect()
  return { topic, records: batches * partitions * batchRecords }
}

const filled = new WeakMap<Server, Map<string, FilledTopic>>()

/** The server's topic with these contents; created when it is first asked for. */
export async function filledTopic(server: Server, contents: Contents): Promise<FilledTopic> {
  const topics = filled.get(server) ?? new Map<string, FilledTopic>()
  filled.set(server, topics)
  const key = JSON.stringify(contents)
  const topic = topics.get(key) ?? (await fill(server, contents))
  topics.set(key, topic)
  return topic
}

let folder: string | undefined

/** Writes a file with a record on each line. */
export function writeLines(recordBytes: number, records: number): string {
  folder ??= mkdtempSync(path.join(tmpdir(), 'brokerlet-bench-'))
  const file = path.join(folder, `${records}-of-${recordBytes}`)
  writeFileSync(file, `${payload(recordBytes)}\n`.repeat(records))
  return file
}

/** Removes the files of `writeLines`, at the end. */
export function removeLines(): void {
  if (folder !== undefined) rmSync(folder, { recursive: true, force: true })
}
