import type { Broker } from '../broker.ts'
import { meansNothing } from '../log/log-config.ts'
import type { TopicOptions } from '../topic-definition.ts'

// Kafka takes any config under any cleanup.policy, and services set some of them always: what means nothing rests until
// the policy changes.

/** Of a topic's options those that mean something under its policy, and the others. */
export function splitResting(options: TopicOptions): { active: TopicOptions; resting: TopicOptions } {
  const active: Record<string, unknown> = {}
  const resting: Record<string, unknown> = {}
  for (const [option, value] of Object.entries(options)) {
    const rests = meansNothing(option as keyof TopicOptions, options)
    ;(rests ? resting : active)[option] = value
  }
  return { active, resting }
}

/** @throws InvalidOptionError where a config that rests could never count */
export function checkResting(engine: Broker['engine'], topic: string, options: TopicOptions): void {
  // Those that no config is called by are checked already. The others all mean something under this policy.
  const { whenFull: _, retentionRecords: __, ...configs } = splitResting(options).resting
  engine.logConfig(topic, { ...configs, cleanupPolicy: 'compact,delete' })
}
