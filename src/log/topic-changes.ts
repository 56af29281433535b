import { checkTopicChanges, type TopicChanges, type TopicOptions } from '../topic-definition.ts'
import { meansNothing, policyOf } from './log-config.ts'

/** The options that a topic was given, before defaults. */
export interface ChangedOptions {
  /** Every option that was set and not reset. */
  readonly asked: TopicOptions
  /** The options among them that have an effect under the resulting policy. */
  readonly active: TopicOptions
}

/** What to do with an option that is set now but has no effect under the policy. */
export type WithoutMeaning = 'refused' | 'rests'

/**
 * Applies changes to the options that a topic was given. An option that was set earlier and has no effect under the new
 * policy rests until the policy changes again. One that is set now is kept, so that a check refuses it, or rests, too.
 *
 * @param common the options of all topics that do not say otherwise
 * @throws InvalidOptionError for an option that can never be altered
 */
export function changeOptions(
  topic: string,
  before: TopicOptions,
  changes: TopicChanges,
  common: TopicOptions,
  withoutMeaning: WithoutMeaning = 'refused',
): ChangedOptions {
  checkTopicChanges(topic, changes)
  const asked: Record<string, unknown> = { ...before }
  for (const [option, value] of Object.entries(changes)) {
    // An unknown option stays in, so that the check of all options refuses it.
    if (value !== undefined || !(option in asked)) asked[option] = value ?? undefined
  }
  const active: Record<string, unknown> = { ...asked }
  const policy = policyOf(asked, common)
  for (const option of Object.keys(asked) as (keyof TopicOptions)[]) {
    const now = (changes as TopicOptions)[option] ?? undefined
    const mayRest = now === undefined || withoutMeaning === 'rests'
    if (mayRest && meansNothing(option, policy)) delete active[option]
  }
  return { asked, active }
}
