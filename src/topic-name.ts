import { InvalidTopicError, UnknownTopicOrPartitionError } from './errors.ts'
import { describeValue } from './value-text.ts'

/** Kafka's rule: 1 to 249 of letters, digits, '.', '_' and '-', but not '.' or '..'. */
export function isTopicName(name: string): boolean {
  return /^[A-Za-z0-9._-]{1,249}$/.test(name) && name !== '.' && name !== '..'
}

/**
 * Refuses an invalid topic name.
 *
 * @throws InvalidTopicError
 */
export function checkTopicName(name: unknown): asserts name is string {
  if (typeof name === 'string' && isTopicName(name)) return
  const received = typeof name === 'string' ? `'${name.slice(0, 60)}'` : String(typeof name)
  throw new InvalidTopicError(
    `A topic's name is 1 to 249 letters, digits, '.', '_' or '-', and not '.' or '..'; received ${received}`,
    { received: name },
  )
}

/**
 * The topic, if any, because of which a cluster refuses to create a topic of this name: metrics replace '.' by '_', so
 * they could not tell the two apart. In memory both may exist. (Kafka: Topic.hasCollision)
 */
export function collidingTopic(name: string, topics: ReadonlyMap<string, unknown>): string | undefined {
  const [first, ...rest] = name.split(/[._]/)
  const isOther = (other: string) => other !== name && topics.has(other)
  // Whoever creates thousands of topics is not to have each of them compared with all others.
  if (2 ** rest.length <= topics.size) {
    return rest
      .reduce((begun, part) => begun.flatMap(each => [`${each}.${part}`, `${each}_${part}`]), [first!])
      .find(isOther)
  }
  const plain = metricName(name)
  return [...topics.keys()].find(other => other !== name && metricName(other) === plain)
}

function metricName(name: string): string {
  return name.replaceAll('.', '_')
}

/**
 * Refuses a topic name that is not a string.
 *
 * @throws UnknownTopicOrPartitionError
 */
export function requireTopicName(name: unknown): asserts name is string {
  if (typeof name === 'string') return
  throw new UnknownTopicOrPartitionError(`Expected a topic's name, received ${describeValue(name)}`)
}
