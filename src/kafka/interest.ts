import type { Interest } from '../engine.ts'
import type { Cluster } from './cluster.ts'

/** Returns the topics that an interest covers, as far as they are known. */
export function topicsOf(interest: Interest, cluster: Cluster): string[] {
  if (interest.kind === 'assign') return [...new Set(interest.partitions.map(({ topic }) => topic))]
  if (interest.kind === 'topics') return [...interest.names]
  const { patterns, except = [] } = interest
  return [...cluster.topics.values()]
    .filter(({ name, internal }) => !internal && !except.includes(name))
    .filter(({ name }) => patterns.some(pattern => pattern.test(name)))
    .map(({ name }) => name)
    .sort()
}
