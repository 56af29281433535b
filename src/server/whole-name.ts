import { RE2JS } from 're2js'
import type { TopicPattern } from '../topic-pattern.ts'

/**
 * A pattern for whole names, in the syntax of Kafka's brokers (RE2/J), which a hostile pattern cannot slow down.
 * Undefined if the text is not a pattern.
 */
export function wholeName(pattern: string): TopicPattern | undefined {
  try {
    const compiled = RE2JS.compile(pattern)
    return { test: name => compiled.testExact(name) }
  } catch {
    return undefined
  }
}
