import type { ApiName } from './api-name.ts'
import type { Reader } from './reader.ts'
import { type StructRead, type StructWrite, struct } from './struct.ts'
import type { Type, Version } from './type.ts'
import { Writer } from './writer.ts'

type FieldsOf = Parameters<typeof struct>[0]

/** One API of the protocol: its number, its versions, and its two messages. */
export interface Api<Request = unknown, Response = unknown> {
  readonly key: number
  readonly name: ApiName
  /** The versions that are supported. */
  readonly versions: readonly [min: number, max: number]
  /** The first version with compact lengths and tagged fields. */
  readonly flexible: number
  readonly request: Type<unknown, never>
  readonly response: Type<unknown, never>
  /** Only for the types: what a request reads as, and what a response is written from. */
  readonly types?: { readonly request: Request; readonly response: Response }
}

export type RequestOf<A> = A extends Api<infer Request, unknown> ? Request : never
export type ResponseOf<A> = A extends Api<unknown, infer Response> ? Response : never

/** Describes one API. */
export function api<const Request extends FieldsOf, const Response extends FieldsOf>(
  name: ApiName,
  header: Pick<Api, 'key' | 'versions' | 'flexible'>,
  request: Request,
  response: Response,
): Api<StructRead<Request>, StructWrite<Response>> {
  return { name, ...header, request: struct(request), response: struct(response) }
}

export function versionOf({ flexible }: Pick<Api, 'flexible'>, version: number): Version {
  return { version, flexible: version >= flexible }
}

/**
 * Reads a message. Bytes left in its frame are ignored, as in Kafka: librdkafka's Metadata request for all topics ends
 * with three bytes that belong to no field.
 */
export function readMessage<Read>(type: Type<Read, never>, reader: Reader, version: Version): Read {
  return type.read(reader, version)
}

/** Writes a whole message. */
export function writeMessage<Write>(type: Type<unknown, Write>, value: Write, version: Version): Writer {
  const writer = new Writer()
  type.write(writer, value, version)
  return writer
}
