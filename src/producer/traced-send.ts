import { sending, type TracedMessage } from '../diagnostics.ts'

/** Sends one message, traced; headers that subscribers add are sent with it. */
export function traceSend<Sent>(
  clientId: string,
  message: unknown,
  send: (message: unknown) => Promise<Sent>,
): Promise<Sent> {
  const messages = [toTraced(message)]
  return sending.trace({ clientId, messages }, () => send(withHeaders(message, messages[0]!.headers)))
}

/** The same for several messages. A value that is not an array is left for `send` to refuse. */
export function traceSendBatch<Sent>(
  clientId: string,
  given: readonly unknown[],
  send: (messages: readonly unknown[]) => Promise<Sent>,
): Promise<Sent> {
  if (!Array.isArray(given)) return send(given)
  const messages = given.map(toTraced)
  return sending.trace({ clientId, messages }, () =>
    send(given.map((message, i) => withHeaders(message, messages[i]!.headers))),
  )
}

/** An unchecked message as a subscriber sees it. */
function toTraced(message: unknown): TracedMessage {
  const { topic, key, value } = (message ?? {}) as Record<string, unknown>
  return { topic: String(topic), key: key ?? null, value, headers: {} }
}

/** A message with added headers; its own headers win. */
function withHeaders(message: unknown, added: Readonly<Record<string, string>>): unknown {
  if (Object.keys(added).length === 0 || typeof message !== 'object' || message === null) return message
  const { headers } = message as { readonly headers?: unknown }
  if (headers === undefined || headers === null) return { ...message, headers: added }
  if (typeof headers !== 'object') return message
  if (Symbol.iterator in headers) {
    return { ...message, headers: [...Object.entries(added), ...(headers as Iterable<unknown>)] }
  }
  return { ...message, headers: { ...added, ...headers } }
}
