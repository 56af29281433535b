import type * as Library from '../../src/index.ts'
import type * as Server from '../../src/server/index.ts'

/** The built package, as its users get it. */
const dist = new URL('../../dist/', import.meta.url)

export const { Broker, string, topic }: typeof Library = await import(new URL('index.js', dist).href)
export const { RequestLog, serve }: typeof Server = await import(new URL('server/index.js', dist).href)
