import { afterEach } from 'vitest'
import type { BrokerOptions } from '../../src/broker.ts'
import { Broker } from '../../src/index.ts'
import type { OpenTopics, TopicMap } from '../../src/topic-definition.ts'
import { VirtualClock } from './virtual-clock.ts'

const open: Broker<TopicMap>[] = []

afterEach(async () => {
  for (const broker of open.splice(0)) await broker.close({ timeoutMs: 0 })
})

/** A broker on virtual time and a seeded random, closed after the test. */
export function testBroker<Topics extends TopicMap = OpenTopics>(
  options: Omit<BrokerOptions<Topics>, 'clock'> = {},
): { broker: Broker<Topics>; clock: VirtualClock } {
  const clock = new VirtualClock()
  const broker = new Broker<Topics>({ random: mulberry32(1), ...options, clock })
  open.push(broker as unknown as Broker<TopicMap>)
  return { broker, clock }
}

/** A small seeded random (mulberry32). */
export function mulberry32(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
}
