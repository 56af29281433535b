import type { TracedMessage } from '../diagnostics.ts'

/** A message as a subscriber sees it, before anything about it is checked. */
export function toTraced(message: unknown): TracedMessage {
  const { topic, key, value } = (message ?? {}) as Record<string, unknown>
  return { topic: String(topic), key: key ?? null, value, headers: {} }
}

/** A message with headers beside its own, which win. */
export function withHeaders(message: unknown, added: Readonly<Record<string, string>>): unknown {
  if (Object.keys(added).length === 0 || typeof message !== 'object' || message === null) return message
  const { headers } = message as { readonly headers?: unknown }
  if (headers === undefined || headers === null) return { ...message, headers: added }
  if (typeof headers !== 'object') return message
  if (Symbol.iterator in headers) {
    return { ...message, headers: [...Object.entries(added), ...(headers as Iterable<unknown>)] }
  }
  return { ...message, headers: { ...added, ...headers } }
}
