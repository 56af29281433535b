import type { ApiName } from '../protocol/api-name.ts'
import type { Path } from '../request-parts.ts'
import type { Wire } from '../wire.ts'
import type { Rights } from './rights.ts'

/** A request or an answer, whose fields depend on the API. */
// biome-ignore lint/suspicious/noExplicitAny: stands for the message of any API
export type Message = any

/** A request, and who has sent it. */
export interface Asked {
  readonly wire: Wire
  readonly version: number
  readonly rights: Rights
  readonly request: Message
}

/** What a client needs to be answered by an API, and what it is shown. */
export interface ApiRights {
  /** The error with which a request is refused altogether; 0 if it is not. */
  readonly whole?: (asked: Asked) => number
  /** The error of one of its parts; 0 if that is served. */
  readonly part?: (path: Path, asked: Asked) => number
  /** The error of a partition of a topic, if the handler refuses partitions itself; 0 if it is served. */
  readonly partition?: (topic: string, rights: Rights) => number
  /** Changes the request before it is served. */
  readonly narrowed?: (asked: Asked) => Message
  /** Changes the answer to what was refused. */
  readonly refused?: (answer: Message, asked: Asked, errorCode: number) => Message
  /** Changes the answer to what was served. */
  readonly shown?: (answer: Message, asked: Asked) => Message
}

export type RightsTable = { readonly [Name in ApiName]?: ApiRights }
