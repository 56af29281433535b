import { afterEach } from 'vitest'
import type { AnyTopic, OpenTopics, PubSub, TopicOptions } from '../../src/index.ts'

/** What the suite is run on. */
export interface EngineUnderTest {
  readonly name: string
  /** What it does otherwise than the suite says, by the name of the test, and why. */
  readonly differences: Readonly<Record<string, string>>
  /** Opens a place where these topics are, as one program; `another` is a second program in the same place. */
  open(topics: Readonly<Record<string, AnyTopic>>): Promise<Place>
}

export interface Place {
  readonly pubSub: PubSub<OpenTopics>
  another(): Promise<PubSub<OpenTopics>>
  close(): Promise<void>
}

const run = Math.random().toString(36).slice(2, 8)
let names = 0

/** A name that nobody else has, of a topic, a group or a transactional id: a cluster outlives a test. */
export function unique(what: string): string {
  return `${what}-${run}-${++names}`
}

/** The topic of a test, and the place where it is. */
export interface Scene {
  readonly place: PubSub<OpenTopics>
  readonly topic: string
  readonly group: string
  /** A second program. */
  another(): Promise<PubSub<OpenTopics>>
}

/** Opens places for the tests of one engine, and closes them after each. */
export function scenes(engine: EngineUnderTest): (options?: TopicOptions) => Promise<Scene> {
  const open: Place[] = []
  afterEach(async () => {
    for (const place of open.splice(0)) await place.close()
  })
  return async (options = {}) => {
    const topic = unique('orders')
    const place = await engine.open({ [topic]: { options } })
    open.push(place)
    return { place: place.pubSub, topic, group: unique('group'), another: () => place.another() }
  }
}
