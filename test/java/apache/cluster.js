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
  'replica.fetch.backoff.ms': true,
  'replica.high.watermark.checkpoint.interval.ms': true,
  'min.insync.replicas': true,
  // Where a test has a topic of few bytes, it says so of the topic.
  'message.max.bytes': true,
  // No record of a test is that old.
  'log.retention.hours': value => value === '10',
  'log.flush.interval.messages': true,
  'log.retention.check.interval.ms': true,
  'auto.leader.rebalance.enable': true,
  // Those of all brokers are the option `racks`.
  'broker.rack': true,
  'replica.selector.class': value => value.endsWith('RackAwareReplicaSelector'),
  'unclean.leader.election.enable': true,
  'replica.lag.time.max.ms': true,
  'replica.fetch.max.bytes': true,
  'default.replication.factor': true,
  'controlled.shutdown.enable': true,
  // What is meant is what is there.
  // One that deletes topics although they are not to be deleted is left out.
  'delete.topic.enable': true,
  'group.consumer.migration.policy': value => value === 'bidirectional',
  'unstable.api.versions.enable': value => value === 'false',
  'unstable.feature.versions.enable': value => value === 'false',
}

const clusters = new Map()
let count = 0

/** Kafka's configs as the options of a broker and its server. */
function optionsOf({
  'auto.create.topics.enable': create = 'true',
  'num.partitions': partitions,
  ...others
}) {
  const server = {}
  for (const [name, value] of Object.entries(others)) {
    if (name in serverOptions) {
      server[serverOptions[name]] = Number(value)
      continue
    }
    const none = withoutEffect[name]
    if (none !== true && !none?.(value)) throw new Error(`brokerlet has no ${name}=${value}`)
  }
  const topics = { partitions: Number(partitions ?? 1), keys: 'bytes' }
  return { broker: { autoCreateTopics: create === 'true' && topics }, server }
}

const actions = {
  async start({ brokers, firstNodeId, racks, users, tls, properties }) {
    const options = optionsOf(properties)
    const broker = new Broker(options.broker)
    const errors = []
    broker.on('error', error => {
      // A client of another test may still call at the port that its own cluster had.
      const stray = error?.message?.startsWith('expected a frame of at most')
      if (!stray) errors.push(String(error?.stack ?? error))
    })
    const server = await serve(broker, {
      ...options.server,
      brokers,
      firstNodeId,
      racks,
      host: 'localhost',
      // Kafka's comes every five minutes, which no test waits for.
      autoLeaderRebalance: false,
      ...(tls && { tls }),
      ...(users && { sasl: { users, mechanisms: ['PLAIN'] } }),
    })
    const name = String(++count)
    clusters.set(name, { broker, server, errors })
    return {
      name,
      clusterId: 'brokerlet',
      brokers: server.brokers.map(({ nodeId, port }) => ({ id: nodeId, port })),
    }
  },
  async stop({ name }) {
    const { broker, errors } = clusters.get(name)
    clusters.delete(name)
    await broker.close()
    return { errors }
  },
  describe,
  stopBroker: ({ name, id }) => brokerOf(name, id).stop(),
  startBroker: ({ name, id }) => brokerOf(name, id).start(),
}

/** The topics, with what a test of Kafka reads inside a broker. */
function describe({ name }) {
  const { broker, server } = clusters.get(name)
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

function brokerOf(name, id) {
  return clusters.get(name).server.brokers.find(({ nodeId }) => nodeId === id)
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
