import type { Topic } from '../log/topic.ts'

const made = new WeakSet<Topic>()

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
