import type { TopicPattern } from '../topic-pattern.ts'

/** What a member wants to read: topics by name, or every topic whose name matches, now and later. */
export type Subscription =
  | { readonly names: ReadonlySet<string> }
  | { readonly patterns: readonly TopicPattern[]; readonly except?: readonly string[] }

/** Whether the subscription includes a topic of that name. */
export function covers(subscription: Subscription, topic: string): boolean {
  if ('names' in subscription) return subscription.names.has(topic)
  if (subscription.except?.includes(topic)) return false
  return subscription.patterns.some(pattern => pattern.test(topic))
}

/** The existing topics of a subscription, sorted, without duplicates. */
export function resolveTopics(subscription: Subscription, existing: ReadonlyMap<string, unknown>): string[] {
  const names =
    'names' in subscription
      ? [...subscription.names].filter(name => existing.has(name))
      : [...existing.keys()].filter(name => covers(subscription, name))
  return names.sort()
}
