/**
 * Serves the clusters of Apache's tests: `src/brokerlet/ClusterProgram.java` starts it, and asks a line of JSON at a time.
 * It ends when its input does.
 */
import process from 'node:process'
import readline from 'node:readline'
import { Broker } from '../../../dist/index.js'
import { serve } from '../../../dist/server/index.js'

/** Kafka's configs that are options of the server. */
const serverOptions = {
  'group.initial.rebalance.delay.ms': 'initialRebalanceDelayMs',
  'group.streams.initial.rebalance.delay.ms': 'initialRebalanceDelayMs',
  'group.consumer.session.timeout.ms': 'consumerSessionTimeoutMs',
  'group.consumer.heartbeat.interval.ms': 'consumerHeartbeatIntervalMs',
  'group.share.session.timeout.ms': 'shareSessionTimeoutMs',
  'group.share.heartbeat.interval.ms': 'shareHeartbeatIntervalMs',
  'group.share.record.lock.duration.ms': 'shareRecordLockDurationMs',
  'group.share.max.share.sessions': 'maxShareSessions',
  'group.share.delivery.count.limit': 'shareDeliveryCountLimit',
  'group.share.max.size': 'shareGroupMaxSize',
  'group.streams.session.timeout.ms': 'streamsSessionTimeoutMs',
  'group.streams.heartbeat.interval.ms': 'streamsHeartbeatIntervalMs',
  'transaction.max.timeout.ms': 'maxTransactionTimeoutMs',
  'fetch.max.bytes': 'fetchMaxBytes',
  'max.incremental.fetch.session.cache.slots': 'maxFetchSessions',
}

/** What the authorizers of tests do. */
const authorizers = {
  'org.apache.kafka.metadata.authorizer.StandardAuthorizer': {},
  // It refuses one principal of its test what that asks for, and nobody else anything.
  'kafka.server.AlterCredentialsTest$TestStandardAuthorizer': {
    allowEveryoneIfNoAclFound: true,
    acls: [
      {
        resourceType: 'CLUSTER',
        principal: 'User:Unauthorized',
        operation: 'ALTER',
        permissionType: 'DENY',
      },
    ],
  },
}

/** Those that change nothing here, and why. */
const withoutEffect = {
  // There are no internal topics.
  'offsets.topic.num.partitions': true,
  'offsets.topic.replication.factor': true,
  'offsets.topic.compression.codec': true,
  'transaction.state.log.num.partitions': true,
  'transaction.state.log.replication.factor': true,
  'transaction.state.log.min.isr': true,
  // A transaction that takes too long ends when it does.
  'transaction.abort.timed.out.transaction.cleanup.interval.ms': true,
  // A member of the classic protocol may have any session.
  'group.min.session.timeout.ms': true,
  'group.max.session.timeout.ms': true,
  'share.coordinator.state.topic.num.partitions': true,
  'share.coordinator.state.topic.replication.factor': true,
  'group.share.persister.class.name': true,
  // An option that is given widens these bounds by itself.
  'group.consumer.min.heartbeat.interval.ms': true,
  'group.consumer.min.session.timeout.ms': true,
  'group.share.min.heartbeat.interval.ms': true,
  'group.share.min.session.timeout.ms': true,
  'group.streams.min.heartbeat.interval.ms': true,
  'group.streams.min.session.timeout.ms': true,
  // Groups assign at once.
  'group.consumer.assignment.interval.ms': value => value === '0',
  'group.share.assignment.interval.ms': value => value === '0',
  'group.streams.assignment.interval.ms': value => value === '0',
  // There is no disk, and no replication.
  'log.initial.task.delay.ms': true,
  'log.segment.delete.delay.ms': true,
  'log.cleaner.dedupe.buffer.size': true,
  'log.cleaner.backoff.ms': true,
  'log.cleaner.min.compaction.lag.ms': value => value === '1',
  'replica.fetch.backoff.ms': true,
  'replica.high.watermark.checkpoint.interval.ms': true,
  // Where a test has a topic of few bytes, it says so of the topic.
  'message.max.bytes': true,
  'file.delete.delay.ms': true,
  'log.flush.interval.messages': true,
  'log.retention.check.interval.ms': true,
  'auto.leader.rebalance.enable': true,
  // Those of all brokers are the option `racks`.
  'broker.rack': true,
  'replica.selector.class': value => value.endsWith('RackAwareReplicaSelector'),
  'unclean.leader.election.interval.ms': true,
  'replica.lag.time.max.ms': true,
  'replica.fetch.max.bytes': true,
  'controlled.shutdown.enable': true,
  // What is meant is what is there.
  // One that deletes topics although they are not to be deleted is left out.
  'delete.topic.enable': true,
  'group.streams.num.standby.replicas': value => value === '0',
  'group.consumer.migration.policy': value => value === 'bidirectional',
  'unstable.api.versions.enable': value => value === 'false',
  'unstable.feature.versions.enable': value => value === 'false',
  // The harness asks the builder of a test who its clients are, and says so of each listener.
  'principal.builder.class': true,
  // A pattern counts at once.
  'group.consumer.regex.refresh.interval.ms': true,
}

/** Those that a client can set for all brokers, as the program that asks then does. */
const settable = new Set([
  'log.cleanup.policy',
  'log.message.timestamp.after.max.ms',
  'log.retention.bytes',
  'min.insync.replicas',
  'unclean.leader.election.enable',
])

const clusters = new Map()
let count = 0

/** Kafka's configs as the options of a broker and its server, and those that are set once it runs. */
function optionsOf(
  {
    'auto.create.topics.enable': create = 'true',
    'num.partitions': partitions,
    'default.replication.factor': factor = '1',
    ...others
  },
  { brokers, perServer },
) {
  const { authorizer, ...own } = withAuthorizer(others)
  const server = {
    defaultReplicationFactor: Math.min(Number(factor), brokers),
    ...(authorizer && { authorizer }),
  }
  const toSet = {}
  for (const [name, value] of Object.entries(own)) {
    if (name in serverOptions) server[serverOptions[name]] = Number(value)
    else if (settable.has(name)) toSet[name] = value
    else if (name === 'log.retention.hours') toSet['log.retention.ms'] = String(toMs(Number(value)))
    else requireWithoutEffect(name, value)
  }
  // All brokers are one server's, with the same options.
  for (const each of Object.values(perServer))
    for (const [name, value] of Object.entries(each)) requireWithoutEffect(name, value)
  const topics = { partitions: Number(partitions ?? 1), keys: 'bytes' }
  return { broker: { autoCreateTopics: create === 'true' && topics }, server, toSet }
}

// -1 is for ever.
function toMs(hours) {
  return hours === -1 ? -1 : hours * 3_600_000
}

function withAuthorizer({
  'authorizer.class.name': authorizerClass,
  'super.users': superUsers = '',
  'allow.everyone.if.no.acl.found': everyone = 'false',
  ...others
}) {
  if (authorizerClass === undefined) return others
  const known = authorizers[authorizerClass]
  if (known === undefined) throw new Error(`brokerlet has no authorizer ${authorizerClass}`)
  const authorizer = {
    superUsers: superUsers.split(';').filter(each => each !== ''),
    allowEveryoneIfNoAclFound: everyone === 'true',
    ...known,
  }
  return { ...others, authorizer }
}

function requireWithoutEffect(name, value) {
  const none = withoutEffect[name]
  if (none !== true && !none?.(value)) throw new Error(`brokerlet has no ${name}=${value}`)
}

// What the servers of a broker tell their clients.
const clusterIds = globalThis[Symbol.for('brokerlet.cluster ids')]

const actions = {
  /** `listeners` are the names of several, each with the principal of its clients; every one is a server of its own. */
  async start({ brokers, firstNodeId, racks, users, tls, properties, perServer = {}, listeners }) {
    const options = optionsOf(properties, { brokers, perServer })
    const broker = new Broker(options.broker)
    const errors = []
    broker.on('error', error => {
      // A client of another test may still call at the port that its own cluster had.
      const stray = error?.message?.startsWith('expected a frame of at most')
      if (!stray) errors.push(String(error?.stack ?? error))
    })
    // Kafka's leaders are moved back every five minutes, which no test waits for.
    const common = { brokers, firstNodeId, racks, host: 'localhost', autoLeaderRebalance: false }
    const servers = []
    const { authorizer } = options.server
    for (const { listener, principal } of listeners ?? [{}]) {
      const server = await serve(broker, {
        ...options.server,
        ...common,
        ...(principal && authorizer && { authorizer: { ...authorizer, principalBuilder: () => principal } }),
        ...(tls && { tls }),
        ...(users && { sasl: { users, mechanisms: ['PLAIN'] } }),
      })
      servers.push({ listener, server })
    }
    // By one that anybody can speak to, and that lets everybody do everything, the harness sets access lists and looks.
    const superUsers = ['User:ANONYMOUS']
    const open =
      (tls || authorizer) &&
      (await serve(broker, {
        brokers,
        firstNodeId,
        host: 'localhost',
        ...(authorizer && { authorizer: { superUsers } }),
      }))
    const name = String(++count)
    clusters.set(name, { broker, servers: servers.map(({ server }) => server), errors })
    return {
      name,
      clusterId: clusterIds.get(broker.engine),
      brokers: servers.flatMap(({ listener, server }) =>
        server.brokers.map(({ nodeId, port }) => ({ id: nodeId, port, listener })),
      ),
      open: open?.port,
      toSet: options.toSet,
    }
  },
  async stop({ name }) {
    const { broker, errors } = clusters.get(name)
    clusters.delete(name)
    await broker.close()
    return { errors }
  },
  describe,
  async stopBroker({ name, id }) {
    for (const each of brokersOf(name, id)) await each.stop()
  },
  async startBroker({ name, id }) {
    for (const each of brokersOf(name, id)) await each.start()
  },
}

/** The topics, with what a test of Kafka reads inside a broker. */
function describe({ name }) {
  const {
    broker,
    servers: [server],
  } = clusters.get(name)
  return {
    topics: broker.describe().topics.map(topic => ({
      name: topic.name,
      id: topic.id,
      partitions: topic.partitions.map(({ partition, logStartOffset, highWatermark }) => ({
        leader: server.leaderOf({ topic: topic.name, partition })?.nodeId ?? -1,
        logStartOffset,
        highWatermark,
      })),
    })),
  }
}

function brokersOf(name, id) {
  return clusters.get(name).servers.flatMap(({ brokers }) => brokers.filter(({ nodeId }) => nodeId === id))
}

for await (const line of readline.createInterface({ input: process.stdin })) {
  const request = JSON.parse(line)
  let answer
  try {
    answer = (await actions[request.do](request)) ?? {}
  } catch (error) {
    answer = { error: error.message }
  }
  process.stdout.write(`${JSON.stringify(answer)}\n`)
}
// The program that asks is gone, perhaps killed with clusters that still run.
process.exit()
