import { type Api, versionOf } from './message.ts'
import { struct } from './struct.ts'
import { int16, int32, nullable, string, type Version } from './type.ts'

/** The version of the first part of a request header, which is read before it is known whether tagged fields follow. */
export const requestHeaderVersion: Version = { version: 1, flexible: false }

/** The first part of a request header. */
export const requestHeader = struct({
  apiKey: int16,
  apiVersion: int16,
  correlationId: int32,
  clientId: nullable(string),
})

/** The rest of a request header, if the request has tagged fields. */
export const requestHeaderTags = struct({})

/** The header of a response. */
export const responseHeader = struct({ correlationId: int32 })

/** A response header's version. That of ApiVersions has no tagged fields, so that any client can read it (KIP-511). */
export function responseHeaderVersion(api: Pick<Api, 'name' | 'flexible'>, version: number): Version {
  return api.name === 'ApiVersions' ? { version: 0, flexible: false } : versionOf(api, version)
}
