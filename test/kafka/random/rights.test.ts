import { afterAll, beforeAll, describe, it } from 'vitest'
import { seeds } from '../../helpers/lot.ts'
import { KafkaAndServed } from '../kafka-and-served.ts'
import { isKafkaInstalled } from '../real-kafka.ts'
import { compareTalks } from './compare-talks.ts'
import { UserWithRights } from './rights.ts'
import { SessionRights } from './session-rights.ts'

describe.skipIf(!isKafkaInstalled)(
  'a real Kafka and a served broker that know their users tell the same',
  () => {
    const both = new KafkaAndServed()
    beforeAll(() =>
      both.start({
        broker: { autoCreateTopics: true },
        users: { admin: 'secret', ada: 'secret' },
        serve: { authorizer: { superUsers: ['User:admin'] } },
        properties: {
          'group.streams.initial.rebalance.delay.ms': 0,
          'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
          'super.users': 'User:ANONYMOUS;User:admin',
        },
      }),
    )
    afterAll(() => both.close())

    // One after the other, since rights to the cluster, and to all topics, are the same in all of them.
    it('to users whose rights come and go', { timeout: 900_000 }, () =>
      compareTalks(both, 'rights', seeds(6), talk => new UserWithRights(talk, 'ada').converse(48)),
    )

    it('to a user who reads by a session while rights come and go', { timeout: 900_000 }, () =>
      compareTalks(both, 'session-rights', seeds(8), talk => new SessionRights(talk, 'ada').converse(40), 8),
    )
  },
)
