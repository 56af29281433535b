import { InvalidTopicError } from '../errors.ts'
import type { Topic } from '../log/topic.ts'
import { collidingTopic } from '../topic-name.ts'
import { sharedByCopies } from './copies.ts'

const made = sharedByCopies<Topic, true>('clientTopics')

/**
 * Refuses a topic whose name would collide with another topic's in a cluster.
 *
 * @throws InvalidTopicError
 */
export function requireNoCollision(topics: ReadonlyMap<string, Topic>, name: string): void {
  const other = topics.has(name) ? undefined : collidingTopic(name, topics)
  if (other === undefined) return
  throw new InvalidTopicError(
    `Topic '${name}' collides with the existing topic '${other}': Kafka's metrics treat '.' and '_' as the same`,
    { topic: name },
  )
}

/**
 * Notes a topic that a client created. Its `keys` were not stated, so it takes any key: in this process a key is a
 * string if it is text, else bytes.
 */
export function madeByClient(topic: Topic): void {
  if (topic.asked.keys === undefined) made.set(topic, true)
}

/** Whether a topic refuses keys that are not text. */
export function wantsTextKeys(topic: Topic): boolean {
  return topic.options.keys === 'string' && !made.has(topic)
}
