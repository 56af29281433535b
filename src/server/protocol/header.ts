import type { Api } from './message.ts'
import { versionOf } from './message.ts'
import { apiVersions } from './messages/api-versions.ts'
import { struct } from './struct.ts'
import { int16, int32, nullable, string, type Version } from './type.ts'

/** The version of what stands before every request: it is read before anybody knows whether tagged fields follow. */
export const requestHeaderVersion: Version = { version: 1, flexible: false }

/** What stands before every request. */
export const requestHeader = struct({
  apiKey: int16,
  apiVersion: int16,
  correlationId: int32,
  clientId: nullable(string),
})

/** What stands between it and a request with tagged fields. */
export const requestHeaderTags = struct({})

/** What stands before every answer. */
export const responseHeader = struct({ correlationId: int32 })

/** That of ApiVersions never has tagged fields, so that any client can read it (KIP-511). */
export function responseHeaderVersion(api: Pick<Api, 'key' | 'flexible'>, version: number): Version {
  return api.key === apiVersions.key ? { version: 0, flexible: false } : versionOf(api, version)
}
