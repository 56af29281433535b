import { sending, type TracedMessage } from '../diagnostics.ts'
import { isPlain } from '../record.ts'
import { accepts, aList } from '../validate.ts'
import { describeValue } from '../value-text.ts'
import { asSent } from './producer-record.ts'

/** Sends one message, traced; headers that subscribers add are sent with it. Async, so that it never throws at once. */
export async function traceSend<Sent>(
  clientId: string,
  message: unknown,
  send: (message: unknown) => Promise<Sent>,
): Promise<Sent> {
  const messages = [toTraced(message)]
  return sending.trace({ clientId, messages }, () => send(withHeaders(message, messages[0]!.headers)))
}

/** The same for several messages. A value that is not an array is left for `send` to refuse. */
export async function traceSendBatch<Sent>(
  clientId: string,
  given: readonly unknown[],
  send: (messages: readonly unknown[]) => Promise<Sent>,
): Promise<Sent> {
  if (!accepts(aList, given)) return send(given)
  const messages = given.map(toTraced)
  return sending.trace({ clientId, messages }, () =>
    send(given.map((message, i) => withHeaders(message, messages[i]!.headers))),
  )
}

/** An unchecked message as a subscriber sees it. One that cannot be read is left for `send` to refuse. */
function toTraced(message: unknown): TracedMessage {
  try {
    const { topic, key, value } = message as Record<string, unknown>
    const name = typeof topic === 'string' ? topic : describeValue(topic)
    return { topic: name, key: key ?? null, value, headers: {} }
  } catch {
    return { topic: describeValue(undefined), key: null, value: undefined, headers: {} }
  }
}

/**
 * A message with added headers, which replace its own of these names: a handler that passes on the headers of its record
 * passes on a trace that has gone on since. Headers that are refused stay as they are.
 */
function withHeaders(message: unknown, added: Readonly<Record<string, string>>): unknown {
  if (Object.keys(added).length === 0 || typeof message !== 'object' || message === null) return message
  const sent = asSent(message) as { readonly headers?: unknown }
  const { headers = null } = sent
  if (Array.isArray(headers)) {
    const own = headers.filter(pair => !Array.isArray(pair) || !Object.hasOwn(added, pair[0]))
    return { ...sent, headers: [...Object.entries(added), ...own] }
  }
  if (headers !== null && !isPlain(headers)) return sent
  // First for their place, as in a list; last for their values.
  return { ...sent, headers: { ...added, ...headers, ...added } }
}
