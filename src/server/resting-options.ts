import type { Broker } from '../broker.ts'
import { meansNothing, policyOf } from '../log/log-config.ts'
import type { TopicOptions } from '../topic-definition.ts'

// Kafka takes any config under any cleanup.policy, and services set some of them always. Here a config without a
// meaning under the topic's policy rests until the policy changes.

/** Splits a topic's options into those that mean something under its cleanup.policy and those that rest. */
export function splitResting(
  { commonOptions }: Pick<Broker['engine'], 'commonOptions'>,
  options: TopicOptions,
): { active: TopicOptions; resting: TopicOptions } {
  const active: Record<string, unknown> = {}
  const resting: Record<string, unknown> = {}
  const policy = policyOf(options, commonOptions)
  for (const [option, value] of Object.entries(options)) {
    const rests = meansNothing(option as keyof TopicOptions, policy)
    ;(rests ? resting : active)[option] = value
  }
  return { active, resting }
}
