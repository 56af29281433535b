import type { ErrorCode } from '../error-codes.ts'
import type { MaybePromise } from '../maybe-promise.ts'
import { entryOf } from './entry-of.ts'
import { errnoOf } from './wire-error-code.ts'

type Fields = Readonly<Record<string, unknown>>

/** An item of a request and those around it, the outermost first: a topic, then one of its partitions. */
export type Path = readonly unknown[]

/** The list of a request whose answer has an entry, with an error of its own, for each item. */
export interface Parts {
  readonly request: string
  readonly response: string
  readonly inner: Parts | undefined
}

/** Parses the names of nested lists, such as `topics.partitions`, in a request and in its response. */
export function toParts(request: string, response: string): Parts {
  const [outer, ...rest] = request.split('.')
  const [answered, ...inner] = response.split('.')
  return {
    request: outer!,
    response: answered!,
    inner: rest.length === 0 ? undefined : toParts(rest.join('.'), inner.join('.')),
  }
}

/** What becomes of the parts of a request that are not refused, when others are. */
export interface Rest {
  /** Fields that replace the request's own for the rest. */
  readonly rest?: object
  /** The error that the rest gets; left out if it is served. */
  readonly restFails?: ErrorCode
}

/** How the parts of a request are answered. */
export interface PartAnswers {
  /** Kafka's number of the error of a part; 0 if it is served. `only` makes a request with that part alone. */
  codeOf(path: Path, only: () => unknown): number
  serve(request: unknown): MaybePromise<unknown>
  refuse(request: unknown, code: number): unknown
}

/** One answer for all parts of a request, some of which may be refused. */
export function answerInParts(
  parts: Parts,
  request: unknown,
  rest: Rest | undefined,
  answers: PartAnswers,
): MaybePromise<unknown> {
  const codes: number[] = []
  visit(parts, request as Fields, [], path =>
    codes.push(answers.codeOf(path, () => only(parts, request as Fields, path))),
  )
  const [first = 0] = codes
  if (codes.some(code => code !== first)) return divide(parts, request as Fields, rest, codes, answers)
  return first === 0 ? answers.serve(request) : answers.refuse(request, first)
}

// The parts that are served come first: a client that hears of an error must not find the rest undone.
async function divide(
  parts: Parts,
  request: Fields,
  { rest, restFails }: Rest = {},
  codes: readonly number[],
  { serve, refuse }: PartAnswers,
): Promise<unknown> {
  const responses: unknown[] = []
  for (const code of [...new Set(codes)].sort((a, b) => Number(b === 0) - Number(a === 0))) {
    let at = 0
    const part = select(parts, request, () => codes[at++] === code)
    const error = code === 0 && restFails !== undefined ? errnoOf(restFails) : code
    responses.push(error === 0 ? await serve({ ...part, ...rest }) : refuse(part, error))
  }
  return responses.includes(undefined) ? undefined : merge(parts, responses as Fields[])
}

function itemsOf(holder: Fields, list: string): readonly unknown[] {
  return (holder[list] as readonly unknown[] | null | undefined) ?? []
}

// An item whose inner list is empty is a part itself.
function innerOf({ inner }: Parts, item: unknown): Parts | undefined {
  return inner !== undefined && itemsOf(item as Fields, inner.request).length > 0 ? inner : undefined
}

function visit(parts: Parts, holder: Fields, outer: Path, each: (path: Path) => void): void {
  for (const item of itemsOf(holder, parts.request)) {
    const inner = innerOf(parts, item)
    if (inner === undefined) each([...outer, item])
    else visit(inner, item as Fields, [...outer, item], each)
  }
}

function only({ request: list, inner }: Parts, holder: Fields, [item, ...rest]: Path): Fields {
  const kept = inner === undefined || rest.length === 0 ? item : only(inner, item as Fields, rest)
  return { ...holder, [list]: [kept] }
}

function select(parts: Parts, holder: Fields, chosen: () => boolean): Fields {
  const kept = itemsOf(holder, parts.request).flatMap(item => {
    const inner = innerOf(parts, item)
    if (inner === undefined) return chosen() ? [item] : []
    const part = select(inner, item as Fields, chosen)
    return itemsOf(part, inner.request).length === 0 ? [] : [part]
  })
  return { ...holder, [parts.request]: kept }
}

// All fields but the list are those of the first response.
function merge({ response: list, inner }: Parts, responses: readonly Fields[]): Fields {
  const items = responses.flatMap(response => itemsOf(response, list))
  if (inner === undefined) return { ...responses[0], [list]: items }
  const same = new Map<string, Fields[]>()
  for (const item of items as Fields[]) entryOf(same, identify(item), () => []).push(item)
  return { ...responses[0], [list]: [...same.values()].map(each => merge(inner, each)) }
}

function identify({ name, topic, topicName, topicId, groupId }: Fields): string {
  return [name, topic, topicName, topicId, groupId].join(' ')
}
