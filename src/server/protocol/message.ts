import type { ApiName } from './api-name.ts'
import { type StructRead, type StructWrite, struct } from './struct.ts'
import type { Type, Version } from './type.ts'

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
