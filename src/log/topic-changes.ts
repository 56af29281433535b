import { checkTopicChanges, type TopicChanges, type TopicOptions } from '../topic-definition.ts'
import { meansNothing } from './log-config.ts'

/** A topic's own options, and how they change. */
export interface ChangedOptions {
  /** All that was ever asked for and not taken back. */
  readonly asked: TopicOptions
  /** Those of them that do something under the policy as it will be. */
  readonly active: TopicOptions
}

/** What becomes of an option that is asked for now and means nothing under the policy. */
export type WithoutMeaning = 'refused' | 'rests'

/**
 * Puts changes on top of what was asked of a topic before. An option that was asked for earlier and means nothing under a
 * policy that comes now rests until the policy changes again; one that is asked for now is left in, to be refused, or rests
 * as well.
 *
 * @throws InvalidOptionError for what can never be altered
 */
export function changeOptions(
  topic: string,
  before: TopicOptions,
  changes: TopicChanges,
  withoutMeaning: WithoutMeaning = 'refused',
): ChangedOptions {
  checkTopicChanges(topic, changes)
  const asked: Record<string, unknown> = { ...before }
  for (const [option, value] of Object.entries(changes)) {
    // An unknown name stays in, for whoever checks them all.
    if (value !== undefined || !(option in asked)) asked[option] = value ?? undefined
  }
  const active: Record<string, unknown> = { ...asked }
  for (const option of Object.keys(asked) as (keyof TopicOptions)[]) {
    const now = (changes as TopicOptions)[option] ?? undefined
    const mayRest = now === undefined || withoutMeaning === 'rests'
    if (mayRest && meansNothing(option, asked)) delete active[option]
  }
  return { asked, active }
}
