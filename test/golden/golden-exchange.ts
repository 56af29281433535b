import { apis } from '../../src/server/protocol/apis.ts'
import {
  requestHeader,
  requestHeaderTags,
  requestHeaderVersion,
  responseHeader,
  responseHeaderVersion,
} from '../../src/server/protocol/header.ts'
import { type Api, type RequestOf, versionOf } from '../../src/server/protocol/message.ts'
import { fetch } from '../../src/server/protocol/messages/fetch.ts'
import { produce } from '../../src/server/protocol/messages/produce.ts'
import { Reader } from '../../src/server/protocol/reader.ts'
import { type RecordBatchHeader, readBatches } from '../../src/server/protocol/record-batch.ts'
import type { Type, Version } from '../../src/server/protocol/type.ts'
import { Writer } from '../../src/server/protocol/writer.ts'
import type { Exchange } from './recording-proxy.ts'

const byKey = new Map<number, Api>(Object.values(apis).map(api => [api.key, api as Api]))

/** What a recorded exchange is about. */
export interface Subject {
  readonly key: number
  readonly version: number
  /** Undefined where this API, or this version of it, is not spoken. */
  readonly api: Api | undefined
}

export function subjectOf({ request }: Exchange): Subject {
  const key = request.readInt16BE(0)
  const version = request.readInt16BE(2)
  const api = byKey.get(key)
  const isSpoken = api !== undefined && version >= api.versions[0] && version <= api.versions[1]
  return { key, version, api: isSpoken ? api : undefined }
}

/** The same exchange, read and written again, and how many bytes followed the request. */
export function rewritten(
  exchange: Exchange,
  api: Api,
  version: number,
): Exchange & { readonly leftOver: number } {
  const at = versionOf(api, version)
  const request = new Reader(exchange.request)
  const asked = new Writer()
  again(requestHeader, request, asked, requestHeaderVersion)
  again(requestHeaderTags, request, asked, at)
  again(api.request, request, asked, at)
  const leftOver = request.remaining
  asked.bytes(request.take(leftOver))
  const response = new Reader(exchange.response)
  const answered = new Writer()
  again(responseHeader, response, answered, responseHeaderVersion(api, version))
  again(api.response, response, answered, at)
  response.end()
  return { request: asked.concat(), response: answered.concat(), leftOver }
}

function again(type: Type<unknown, never>, reader: Reader, writer: Writer, at: Version): void {
  ;(type as Type<unknown, unknown>).write(writer, writable(type.read(reader, at)), at)
}

/** As it was read, but for record batches: they are written in pieces, of which this is one. */
function writable(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Buffer.isBuffer(value)) return value
  if (Array.isArray(value)) return value.map(writable)
  const entries = Object.entries(value).map(([name, each]) => [
    name,
    name === 'records' && each !== null ? [each] : writable(each),
  ])
  return Object.fromEntries(entries)
}

/** The record batches that a Produce or a Fetch carried. */
export function batchesOf(exchange: Exchange): RecordBatchHeader[] {
  const { key, version, api } = subjectOf(exchange)
  if (api === undefined) return []
  const at = versionOf(api, version)
  if (key === produce.key) {
    const reader = new Reader(exchange.request)
    requestHeader.read(reader, requestHeaderVersion)
    requestHeaderTags.read(reader, at)
    const { topicData } = produce.request.read(reader, at) as RequestOf<typeof produce>
    return topicData.flatMap(topic => topic.partitionData.flatMap(split))
  }
  if (key !== fetch.key) return []
  const reader = new Reader(exchange.response)
  responseHeader.read(reader, responseHeaderVersion(api, version))
  const { responses } = fetch.response.read(reader, at) as FetchResponse
  return responses.flatMap(topic => topic.partitions.flatMap(split))
}

interface Partition {
  readonly records: Buffer | null
}

interface FetchResponse {
  readonly responses: readonly { readonly partitions: readonly Partition[] }[]
}

function split({ records }: Partition): RecordBatchHeader[] {
  return records === null ? [] : readBatches(records)
}
