import type { Interest } from '../engine.ts'
import type { Cluster } from './cluster.ts'
import type { Watched } from './metadata-reader.ts'

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

/** Returns the topics that whoever has an interest waits for, whether there are such or not. */
export function watchedBy(interest: Interest, cluster: Cluster): Watched {
  return interest.kind === 'patterns' ? 'all' : topicsOf(interest, cluster)
}
