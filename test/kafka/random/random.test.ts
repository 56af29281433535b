import { afterAll, beforeAll, describe, it } from 'vitest'
import { seeds } from '../../helpers/lot.ts'
import { KafkaAndServed } from '../kafka-and-served.ts'
import { isKafkaInstalled } from '../real-kafka.ts'
import { AccessLists } from './access-lists.ts'
import { Balances } from './balances.ts'
import { BatchHeaders } from './batch-headers.ts'
import { Clients } from './classic-groups.ts'
import { ClusterDescription, raiseKraftVersion } from './cluster-description.ts'
import { CompactedLogs } from './compacted-logs.ts'
import { compareTalks } from './compare-talks.ts'
import { Configs } from './configs.ts'
import { Members, prepare } from './consumer-groups.ts'
import { FetchSessions } from './fetch-sessions.ts'
import { GroupKinds } from './group-kinds.ts'
import { LogDirs } from './log-dirs.ts'
import { LogOffsets } from './log-offsets.ts'
import { MalformedBatches } from './malformed-batches.ts'
import { MixedGroup } from './mixed-groups.ts'
import { OddTopologies } from './odd-topologies.ts'
import { Offsets } from './offsets.ts'
import { Patterns } from './patterns.ts'
import { ProducerIds } from './producer-ids.ts'
import { Producers } from './producers.ts'
import { Quotas } from './quotas.ts'
import { Records } from './records.ts'
import { ScramUsers } from './scram-users.ts'
import { Sequences } from './sequences.ts'
import { Sharers } from './share-groups.ts'
import { ShareLogs } from './share-logs.ts'
import { StaticThreads } from './static-threads.ts'
import { StreamsThreads } from './streams-groups.ts'
import { StreamsTopologies } from './streams-topologies.ts'
import { Talk } from './talk.ts'
import { Topics } from './topics.ts'
import { TransactionalOffsets } from './transactional-offsets.ts'

const timeout = 900_000

describe.skipIf(!isKafkaInstalled)('a real Kafka and a served broker tell the same, by lot', () => {
  const both = new KafkaAndServed()
  beforeAll(async () => {
    // A broker here assigns at once.
    await both.start({
      serve: { shareRecordLockDurationMs: 1000 },
      properties: {
        'group.consumer.assignment.interval.ms': 0,
        'group.consumer.assignor.offload.enable': 'false',
        'group.share.assignment.interval.ms': 0,
        'group.share.heartbeat.interval.ms': 100,
        'group.share.min.heartbeat.interval.ms': 100,
        'group.share.min.record.lock.duration.ms': 1000,
        'group.share.record.lock.duration.ms': 1000,
        'group.streams.assignment.interval.ms': 0,
        // How long an internal topic that was made, and deleted, is not made again.
        'group.streams.heartbeat.interval.ms': 100,
        'group.streams.min.heartbeat.interval.ms': 100,
        'group.streams.initial.rebalance.delay.ms': 0,
        'log.cleaner.backoff.ms': 50,
      },
    })
    await both.each((ask, connect) => prepare(new Talk('prepare', 0, ask, connect)))
  })
  afterAll(() => both.close())

  it('to producers that send, commit and abort, and of what they have written', { timeout }, () =>
    compareTalks(both, 'producers', seeds(40), talk => new Producers(talk).converse(25)),
  )

  it('to clients that ask for producer ids', { timeout }, () =>
    compareTalks(both, 'ids', seeds(8), talk => new ProducerIds(talk).converse(25), 8),
  )

  it('to clients that write, read and delete records', { timeout }, () =>
    compareTalks(both, 'records', seeds(30), talk => new Records(talk).converse(25), 10),
  )

  it('to producers whose records are not what they should be', { timeout }, () =>
    compareTalks(both, 'malformed', seeds(10), talk => new MalformedBatches(talk).converse(40), 5),
  )

  it('to producers whose batches have wrong headers', { timeout }, () =>
    compareTalks(both, 'headers', seeds(10), talk => new BatchHeaders(talk).converse(40), 5),
  )

  it('to idempotent producers that repeat and skip', { timeout }, () =>
    compareTalks(both, 'sequences', seeds(10), talk => new Sequences(talk).converse(60), 5),
  )

  it('to clients that read by sessions while topics change', { timeout }, () =>
    compareTalks(both, 'sessions', seeds(10), talk => new FetchSessions(talk).converse(40), 5),
  )

  it('to clients that look up offsets of logs', { timeout }, () =>
    compareTalks(both, 'log-offsets', seeds(8), talk => new LogOffsets(talk).converse(25), 8),
  )

  it('to clients that read logs while they are compacted', { timeout }, () =>
    compareTalks(both, 'compacted', seeds(8), talk => new CompactedLogs(talk).converse(3), 8),
  )

  it('of the offsets of groups without members', { timeout }, () =>
    compareTalks(both, 'offsets', seeds(30), talk => new Offsets(talk).converse(40)),
  )

  it('to the members of a group that assigns by range', { timeout }, () =>
    compareTalks(both, 'members', seeds(30), talk => new Members(talk, { assignor: 'range' }).converse(40)),
  )

  it('to members that are to have as much each', { timeout }, () =>
    compareTalks(both, 'balances', seeds(10), talk => new Balances(talk).converse(20), 5),
  )

  it('to a member whose offsets are committed in transactions', { timeout }, () =>
    compareTalks(both, 'txn-offsets', seeds(10), talk => new TransactionalOffsets(talk).converse(40), 5),
  )

  it('to members that subscribe by patterns', { timeout }, () =>
    compareTalks(both, 'patterns', seeds(10), talk => new Patterns(talk).converse(8), 10),
  )

  it('to static members that come back, or are replaced', { timeout }, () =>
    compareTalks(both, 'static', seeds(20), talk =>
      new Members(talk, { assignor: 'range', replaced: true }).converse(40),
    ),
  )

  it('to the members of a group whose leader assigns', { timeout }, () =>
    compareTalks(both, 'classic', seeds(16), talk => new Clients(talk).converse(40), 8),
  )

  it('to the members of a group between the two protocols', { timeout }, () =>
    compareTalks(both, 'mixed', seeds(20), talk => new MixedGroup(talk).converse(20), 8),
  )

  it('to clients that take groups for those of another kind', { timeout }, () =>
    compareTalks(both, 'kinds', seeds(8), talk => new GroupKinds(talk).converse(40), 8),
  )

  it('to members of share groups that fetch and acknowledge', { timeout }, () =>
    compareTalks(both, 'sharers', seeds(12), talk => new Sharers(talk).converse(20), 10),
  )

  it('to a member of a share group whose log moves on without it', { timeout }, () =>
    compareTalks(both, 'share-logs', seeds(8), talk => new ShareLogs(talk).converse(20), 8),
  )

  it('to the threads of applications whose tasks a broker assigns', { timeout }, () =>
    compareTalks(both, 'streams', seeds(12), talk => new StreamsThreads(talk).converse(40), 8),
  )

  it('to a thread of an application whose topics change', { timeout }, () =>
    compareTalks(both, 'topologies', seeds(10), talk => new StreamsTopologies(talk).converse(3), 8),
  )

  it('to threads of applications whose topologies are odd', { timeout }, () =>
    compareTalks(both, 'odd-topologies', seeds(10), talk => new OddTopologies(talk).converse(20), 8),
  )

  it('to threads of an application that leave for a time, or are replaced', { timeout }, () =>
    compareTalks(both, 'static-threads', seeds(10), talk => new StaticThreads(talk).converse(40), 8),
  )
})

describe.skipIf(!isKafkaInstalled)('a real Kafka and a broker that makes topics tell the same', () => {
  const both = new KafkaAndServed()
  beforeAll(async () => {
    await both.start({
      broker: { autoCreateTopics: true },
      serve: { authorizer: { superUsers: ['User:ANONYMOUS'] } },
      properties: {
        'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
        'super.users': 'User:ANONYMOUS',
      },
    })
    await both.each((ask, connect) => raiseKraftVersion(new Talk('features', 0, ask, connect)))
  })
  afterAll(() => both.close())

  it('to administrators who ask for the cluster', { timeout }, () =>
    compareTalks(both, 'cluster', seeds(4), talk => new ClusterDescription(talk).converse(15), 8),
  )

  it('to administrators who look where logs are', { timeout }, () =>
    compareTalks(both, 'log-dirs', seeds(4), talk => new LogDirs(talk).converse(20), 8),
  )

  it('to administrators who make, change and delete topics', { timeout }, () =>
    compareTalks(both, 'topics', seeds(20), talk => new Topics(talk).converse(12), 10),
  )

  it('to administrators who say who may do what', { timeout }, () =>
    compareTalks(both, 'acls', seeds(10), talk => new AccessLists(talk).converse(15), 10),
  )

  it('to administrators who say who may authenticate', { timeout }, () =>
    compareTalks(both, 'scram', seeds(10), talk => new ScramUsers(talk).converse(15), 10),
  )

  it('to administrators who set quotas', { timeout }, () =>
    compareTalks(both, 'quotas', seeds(8), talk => new Quotas(talk).converse(15)),
  )

  it('to administrators who set configs', { timeout }, () =>
    compareTalks(both, 'configs', seeds(12), talk => new Configs(talk).converse(15)),
  )
})
