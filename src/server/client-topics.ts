import { InvalidTopicError } from '../errors.ts'
import type { Topic } from '../log/topic.ts'
import { collidingTopic } from '../topic-name.ts'

const made = new WeakSet<Topic>()

/**
 * Refuses a client a topic that a cluster would not make beside one that is there.
 *
 * @throws InvalidTopicError
 */
export function requireNoCollision(topics: ReadonlyMap<string, Topic>, name: string): void {
  const other = topics.has(name) ? undefined : collidingTopic(name, topics.keys())
  if (other === undefined) return
  throw new InvalidTopicError(
    `Topic '${name}' collides with '${other}', which is there: to Kafka's metrics '.' and '_' are the same`,
    { topic: name },
  )
}

/**
 * Notes a topic that a client has made. Nobody in this process has said what its keys are, so it takes any: in the process
 * one is a string where it is text, and bytes where it is not.
 */
export function madeByClient(topic: Topic): void {
  if (topic.asked.keys === undefined) made.add(topic)
}

/** Whether a topic's keys are text, and others are refused. */
export function wantsTextKeys(topic: Topic): boolean {
  return topic.options.keys === 'string' && !made.has(topic)
}
