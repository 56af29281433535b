import type { Broker } from '../broker.ts'
import { warn } from '../events.ts'
import { didYouMean, suggest } from '../suggest.ts'
import { entryOf } from './entry-of.ts'

// For all names would cost a look through all topics each, and clients may name what they like.
const mostNames = 20

const namesByEngine = new WeakMap<Broker['engine'], Set<string>>()

/**
 * Warns the process, once for each name, of a topic that a client expects to be made. The client learns
 * UNKNOWN_TOPIC_OR_PARTITION, tries again for long, and often does not say which topic it was.
 */
export function warnOfMissingTopic(engine: Broker['engine'], name: string): void {
  const names = entryOf(namesByEngine, engine, () => new Set())
  if (names.has(name) || names.size >= mostNames) return
  names.add(name)
  const help =
    didYouMean(suggest(name, engine.topics.keys())) ||
    "; create it, or set 'autoCreateTopics' (--auto-create)"
  warn(`A client asked for topic '${name}', which does not exist${help}`)
}
