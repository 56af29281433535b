import { type AnyRecord, type HeaderList, headersOf } from '../record.ts'
import { describeError, thrownName } from '../thrown.ts'

const prefix = 'dead-letter.'
const longestMessage = 1000

/** Where a dead letter came from, as its headers say it. */
export interface DeadLetterOrigin {
  readonly topic: string
  readonly partition: number
  readonly offset: number
  readonly timestamp: number
  readonly groupId: string | undefined
  readonly attempts: number
}

/**
 * A record's own headers, and after them where it came from and why it was given up. Headers that made it a dead
 * letter of another topic count as its own: sent back, it is that dead letter again. What they say since it was last a
 * dead letter of this topic is left out, so that a record that goes round does not grow.
 */
export function deadLetterHeaders(
  record: AnyRecord,
  groupId: string | undefined,
  error: unknown,
  attempts: number,
): HeaderList {
  const all = headersOf(record)
  const before = all.findIndex(([name, value]) => name === `${prefix}topic` && value === record.topic)
  return [
    ...(before === -1 ? all : ownOf(all, before)),
    [`${prefix}topic`, record.topic],
    [`${prefix}partition`, String(record.partition)],
    [`${prefix}offset`, String(record.offset)],
    [`${prefix}timestamp`, String(record.timestamp)],
    ...(groupId === undefined ? [] : [[`${prefix}group`, groupId] as const]),
    [`${prefix}error.class`, thrownName(error)],
    [`${prefix}error.message`, describeError(error).slice(0, longestMessage)],
    [`${prefix}attempts`, String(attempts)],
  ]
}

/** The headers that a record had before it became a dead letter. */
export function ownHeaders(record: { readonly headers: object }): HeaderList {
  const all = headersOf(record)
  return ownOf(
    all,
    all.findLastIndex(([name]) => name === `${prefix}topic`),
  )
}

// Without what made it a dead letter from one header on.
function ownOf(all: HeaderList, first: number): HeaderList {
  return all.filter(([name], i) => i < first || !name.startsWith(prefix))
}

/** Where a dead letter came from; undefined for a record that is not one. */
export function originOf({ headers }: { readonly headers: object }): DeadLetterOrigin | undefined {
  const named = headers as Readonly<Record<string, unknown>>
  const of = (name: string) => named[prefix + name]
  const topic = of('topic')
  const numbers = ['partition', 'offset', 'timestamp', 'attempts'].map(name => Number(of(name)))
  if (typeof topic !== 'string' || !numbers.every(Number.isSafeInteger)) return undefined
  const [partition, offset, timestamp, attempts] = numbers as [number, number, number, number]
  const group = of('group')
  const groupId = typeof group === 'string' ? group : undefined
  return { topic, partition, offset, timestamp, groupId, attempts }
}
