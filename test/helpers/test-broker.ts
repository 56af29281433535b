import { afterEach } from 'vitest'
import type { BrokerOptions } from '../../src/broker.ts'
import { Broker } from '../../src/index.ts'
import { seededRandom } from '../../src/testing/seeded-random.ts'
import { VirtualClock } from '../../src/testing/virtual-clock.ts'
import type { OpenTopics, TopicMap } from '../../src/topic-definition.ts'

const open: Broker<TopicMap>[] = []

afterEach(async () => {
  for (const broker of open.splice(0)) await broker.close({ timeoutMs: 0 })
})

/** A broker on virtual time and a seeded random source, closed after the test. */
export function testBroker<Topics extends TopicMap = OpenTopics>(
  options: Omit<BrokerOptions<Topics>, 'clock'> = {},
): { broker: Broker<Topics>; clock: VirtualClock } {
  const clock = new VirtualClock()
  const broker = new Broker<Topics>({ random: seededRandom(1), ...options, clock })
  open.push(broker as unknown as Broker<TopicMap>)
  return { broker, clock }
}
