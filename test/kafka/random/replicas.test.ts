import { afterAll, beforeAll, describe, it } from 'vitest'
import { seeds } from '../../helpers/lot.ts'
import { KafkaAndServed } from '../kafka-and-served.ts'
import { isKafkaInstalled } from '../real-kafka.ts'
import { compareTalks } from './compare-talks.ts'
import { Coordinators } from './coordinators.ts'
import { Leaders } from './leaders.ts'
import { Replicas } from './replicas.ts'

describe.skipIf(!isKafkaInstalled)(
  'three nodes of Kafka and three served brokers tell the same, by lot',
  () => {
    const both = new KafkaAndServed()
    // The preferred leader of a Kafka leads again after minutes, one here at once.
    beforeAll(() => both.start({ cluster: true, serve: { autoLeaderRebalance: false } }))
    afterAll(() => both.close())

    it('to administrators who move partitions and elect their leaders', { timeout: 900_000 }, () =>
      compareTalks(both, 'replicas', seeds(3), talk => new Replicas(talk).converse(15), 6),
    )

    it('to clients that ask whoever leads or does not', { timeout: 900_000 }, () =>
      compareTalks(both, 'leaders', seeds(3), talk => new Leaders(talk).converse(30), 6),
    )

    it('to clients that ask whoever does not coordinate', { timeout: 900_000 }, () =>
      compareTalks(both, 'coordinators', seeds(3), talk => new Coordinators(talk).converse(), 6),
    )
  },
)
