/** Apache Kafka's command line tools against the built package: `npm run test:java`, which needs Java and Maven. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { Broker, topic } from '../../dist/index.js'
import { RequestLog, serve } from '../../dist/server/index.js'

const libs = path.join(import.meta.dirname, 'target', 'libs', '*')
const reassign = 'org.apache.kafka.tools.reassign'
const errors = []
const requests = new RequestLog()
let broker
let server

before(async () => {
  broker = new Broker({ topics: { orders: topic({ partitions: 3 }) } })
  broker.on('error', error => errors.push(error))
  server = await serve(broker, { requests })
})

after(async () => {
  await broker.close()
  assert.deepEqual(errors, [])
})

/** Runs a tool to its end; gives what it printed. Of an action it takes the server as an argument. */
function tool(name, args, { input = '', room = 'org.apache.kafka.tools', at = server, action = [] } = {}) {
  return new Promise((resolve, reject) => {
    const command = ['-cp', libs, `${room}.${name}`, ...action, '--bootstrap-server', at.address, ...args]
    const child = spawn('java', command, { stdio: ['pipe', 'pipe', 'pipe'] })
    const deadline = setTimeout(() => child.kill('SIGKILL'), 60_000)
    let output = ''
    child.stdout.on('data', chunk => {
      output += chunk
    })
    child.stderr.on('data', chunk => {
      output += chunk
    })
    child.on('error', reject)
    child.on('close', code => {
      clearTimeout(deadline)
      if (code === 0) resolve(output)
      else reject(new Error(`${name} ${args.join(' ')} ended with ${code}:\n${output}`))
    })
    child.stdin.end(input)
  })
}

test('kafka-topics makes, lists, describes, grows and deletes topics', async () => {
  await tool('TopicCommand', [
    '--create',
    '--topic',
    'late',
    '--partitions',
    '2',
    '--config',
    'retention.ms=60000',
  ])
  assert.equal(broker.topics.get('late').options.retentionMs, 60_000)
  assert.match(await tool('TopicCommand', ['--list']), /^late$/m)
  assert.match(await tool('TopicCommand', ['--describe', '--topic', 'late']), /PartitionCount: 2/)
  await tool('TopicCommand', ['--alter', '--topic', 'late', '--partitions', '4'])
  assert.equal(broker.topics.get('late').partitionCount, 4)
  await tool('TopicCommand', ['--delete', '--topic', 'late'])
  assert.equal(broker.topics.has('late'), false)
})

test('the console producer writes, with keys, as an idempotent producer', async () => {
  const args = [
    '--topic',
    'orders',
    '--reader-property',
    'parse.key=true',
    '--reader-property',
    'key.separator=:',
  ]
  await tool('ConsoleProducer', args, { input: 'a:1\nb:2\nc:3\n' })
  const records = broker.topic('orders').records()
  assert.deepEqual(records.map(({ key, value }) => [key, value]).toSorted(), [
    ['a', 1],
    ['b', 2],
    ['c', 3],
  ])
})

for (const protocol of ['classic', 'consumer']) {
  test(`the console consumer reads in a group by the ${protocol} protocol, and kafka-consumer-groups sees it`, async () => {
    const group = `console-${protocol}`
    const args = ['--topic', 'orders', '--from-beginning', '--max-messages', '3', '--timeout-ms', '30000']
    const output = await tool('consumer.ConsoleConsumer', [
      ...args,
      '--group',
      group,
      '--command-property',
      `group.protocol=${protocol}`,
    ])
    assert.match(output, /Processed a total of 3 messages/)
    assert.equal(broker.group(group).lag(), 0)
    const described = await tool('consumer.group.ConsumerGroupCommand', ['--describe', '--group', group])
    assert.match(described, new RegExp(`${group}\\s+orders\\s+0`))
  })
}

test('the verifiable producer and consumer agree', async () => {
  const produced = await tool('VerifiableProducer', ['--topic', 'orders', '--max-messages', '20'])
  assert.match(produced, /"sent":20,"acked":20/)
  const args = [
    '--topic',
    'orders',
    '--group-id',
    'verifiable',
    '--max-messages',
    '23',
    '--reset-policy',
    'earliest',
  ]
  const consumed = await tool('VerifiableConsumer', args)
  assert.match(consumed, /"name":"shutdown_complete"/)
  assert.equal(broker.group('verifiable').lag(), 0)
})

test('consumers of both protocols and one of the process share a group', async () => {
  broker.createTopic('mixed', { partitions: 6 })
  let handled = 0
  const own = broker.consumer({ groupId: 'mixed', topics: ['mixed'] })
  await own.run({ eachRecord: () => void handled++ })
  const args = [
    '--topic',
    'mixed',
    '--group-id',
    'mixed',
    '--max-messages',
    '20',
    '--reset-policy',
    'earliest',
  ]
  const cooperative = 'org.apache.kafka.clients.consumer.CooperativeStickyAssignor'
  const consumers = [
    tool('VerifiableConsumer', [...args, '--assignment-strategy', cooperative]),
    tool('VerifiableConsumer', [...args, '--group-protocol', 'consumer']),
  ]
  const group = broker.group('mixed')
  const dealtOut = () =>
    group.members.length === 3 && group.members.every(({ assignment }) => assignment.length === 2)
  while (!dealtOut() || group.state !== 'Stable') await sleep(50)
  const messages = Array.from({ length: 60 }, (_, i) => ({ topic: 'mixed', value: i, partition: i % 6 }))
  await broker.producer().sendBatch(messages)
  const told = await Promise.all(consumers)
  for (const consumed of told) assert.match(consumed, /"name":"shutdown_complete"/)
  // A client that is about to join again when it commits does not (RebalanceInProgressException), and then ends: its records
  // come again.
  const again = told.filter(consumed => /"success":false/.test(consumed)).length
  assert.ok(
    handled >= 20 && handled <= 20 + 20 * again,
    `${handled} handled, ${again} clients did not commit`,
  )
  assert.equal(group.lag(), 0)
  await own.close()
})

test('the performance tools write and read', async () => {
  broker.createTopic('perf', { partitions: 3 })
  const size = ['--num-records', '5000', '--record-size', '100', '--throughput', '-1']
  assert.match(await tool('ProducerPerformance', ['--topic', 'perf', ...size]), /5000 records sent/)
  assert.equal(broker.topics.get('perf').records().length, 5000)
  const read = await tool('ConsumerPerformance', [
    '--topic',
    'perf',
    '--num-records',
    '5000',
    '--timeout',
    '30000',
  ])
  assert.match(read, /, 5000,/)
})

test('kafka-configs changes a topic, takes it back, and shows it with where it comes from', async () => {
  const { options } = broker.createTopic('altered')
  const configs = args => tool('ConfigCommand', args)
  const of = ['--entity-type', 'topics', '--entity-name', 'altered']
  await configs([...of, '--alter', '--add-config', 'retention.ms=60000,cleanup.policy=[compact,delete]'])
  const altered = broker.topics.get('altered')
  assert.equal(altered.options.retentionMs, 60_000)
  assert.equal(altered.options.cleanupPolicy, 'compact,delete')
  const described = await configs([...of, '--describe'])
  assert.match(
    described,
    /retention\.ms=60000 sensitive=false synonyms=\{DYNAMIC_TOPIC_CONFIG:retention\.ms=60000/,
  )
  assert.match(described, /DEFAULT_CONFIG:log\.retention\.ms=604800000/)
  assert.doesNotMatch(described, /segment\.ms/)
  assert.match(
    await tool('TopicCommand', ['--describe', '--topic', 'altered']),
    /Configs:.*retention\.ms=60000/,
  )
  await configs([...of, '--alter', '--delete-config', 'retention.ms,cleanup.policy'])
  assert.deepEqual(altered.options, options)
  await assert.rejects(
    configs([...of, '--alter', '--add-config', 'retention.ms=soon']),
    /Not a number of type LONG/,
  )
  const ofBroker = ['--entity-type', 'brokers', '--entity-name', '1']
  assert.match(await configs([...ofBroker, '--describe', '--all']), /num\.partitions=1/)
  await assert.rejects(
    configs([...ofBroker, '--alter', '--add-config', 'num.partitions=3']),
    /Cannot update these configs dynamically/,
  )
})

test('kafka-configs changes a group, which need not be there, and shows it', async () => {
  const configs = (...args) => tool('ConfigCommand', args)
  const of = ['--entity-type', 'groups', '--entity-name', 'patient']
  const given = 'consumer.session.timeout.ms=50000,share.auto.offset.reset=by_duration:PT1H'
  await configs(...of, '--alter', '--add-config', given)
  const described = await configs('--describe', '--entity-type', 'groups')
  assert.match(described, /configs for group patient are/)
  assert.match(
    described,
    /consumer\.session\.timeout\.ms=50000 sensitive=false synonyms=\{DYNAMIC_GROUP_CONFIG:consumer\.session\.timeout\.ms=50000, DEFAULT_CONFIG:group\.consumer\.session\.timeout\.ms=45000\}/,
  )
  assert.match(described, /share\.auto\.offset\.reset=by_duration:PT1H/)
  assert.doesNotMatch(described, /heartbeat/)
  await assert.rejects(
    configs(...of, '--alter', '--add-config', 'share.delivery.count.limit=11'),
    /group\.share\.max\.delivery\.count\.limit/,
  )
})

test('kafka-client-metrics keeps subscriptions', async () => {
  const metrics = (...args) => tool('ClientMetricsCommand', args)
  assert.doesNotMatch(await metrics('--list'), /slow/)
  await metrics('--alter', '--name', 'slow', '--interval', '10000', '--match', 'client_id=a')
  assert.match(await metrics('--describe', '--name', 'slow'), /interval\.ms=10000\s+match=client_id=a/)
  await metrics('--delete', '--name', 'slow')
  assert.doesNotMatch(await metrics('--list'), /slow/)
})

test('kafka-acls gives rights, shows and takes them, and who has none sees no topic', async () => {
  const nobody = await serve(broker, { authorizer: {} })
  const everybody = await serve(broker, { authorizer: { superUsers: ['User:ANONYMOUS'] } })
  const acls = (...args) => tool('AclCommand', args, { at: everybody })
  const topics = () => tool('TopicCommand', ['--list'], { at: nobody })
  try {
    assert.doesNotMatch(await topics(), /orders/)
    const given = ['--allow-principal', 'User:ANONYMOUS', '--consumer', '--topic', 'orders', '--group', 'g']
    assert.match(await acls('--add', ...given), /operation=READ, permissionType=ALLOW/)
    assert.match(await topics(), /^orders$/m)
    assert.match(await acls('--list', '--topic', 'orders'), /name=orders, patternType=LITERAL/)
    await acls('--remove', '--force', ...given)
    assert.doesNotMatch(await acls('--list'), /orders/)
    assert.doesNotMatch(await topics(), /orders/)
  } finally {
    await nobody.close()
    await everybody.close()
  }
})

test('kafka-configs finds no loggers', async () => {
  const of = ['--entity-type', 'broker-loggers', '--entity-name', '1']
  const described = await tool('ConfigCommand', ['--describe', ...of])
  assert.match(described, /Dynamic configs for broker-logger 1 are:\s*$/)
})

test('kafka-consumer-groups forgets offsets', async () => {
  await broker.admin.setGroupOffsets('forgetful', [
    { topic: 'orders', partition: 0, offset: 0 },
    { topic: 'orders', partition: 1, offset: 0 },
  ])
  const args = ['--delete-offsets', '--group', 'forgetful', '--topic', 'orders:1']
  assert.match(await tool('consumer.group.ConsumerGroupCommand', args), /Successful/)
  assert.deepEqual(
    broker.group('forgetful').offsets.map(({ partition }) => partition),
    [0],
  )
})

test('the performance tool writes in transactions, and kafka-transactions tells of them', async () => {
  broker.createTopic('transactions', { partitions: 2 })
  const written = await tool('ProducerPerformance', [
    ...['--topic', 'transactions', '--num-records', '300', '--record-size', '10', '--throughput', '300'],
    ...['--transactional-id', 'perf', '--transaction-duration-ms', '200'],
  ])
  assert.match(written, /300 records sent/)
  const { partitions } = broker.topics.get('transactions')
  const committed = partitions.flatMap(each => each.read(0, { maxRecords: 1000 }))
  assert.equal(committed.length, 300)
  // By the protocol of KIP-890: nothing is said before it is written, and each end gives the next epoch.
  assert.equal(requests.of({ api: 'AddPartitionsToTxn' }).length, 0)
  assert.deepEqual([...new Set(requests.of({ api: 'EndTxn' }).map(({ version }) => version))], [5])
  assert.match(await tool('TransactionsCommand', ['list']), /perf\s+1\s+\d+\s+CompleteCommit/)
  await broker.producer({ transactionalId: 'own' }).transaction(async tx => {
    await tx.send({ topic: 'transactions', value: 1, partition: 0 })
    const described = await tool('TransactionsCommand', ['describe', '--transactional-id', 'own'])
    assert.match(described, /Ongoing.*transactions-0/)
    const producers = ['describe-producers', '--topic', 'transactions', '--partition', '0']
    assert.match(await tool('TransactionsCommand', producers), /ProducerId/)
  })
})

test('kafka-features tells the features that are spoken, and keeps them', async () => {
  const features = await tool('FeatureCommand', ['describe'])
  assert.match(features, /group\.version.*FinalizedVersionLevel: 1/)
  assert.match(features, /metadata\.version.*FinalizedVersionLevel: 4\.4-IV2/)
  assert.match(features, /transaction\.version.*FinalizedVersionLevel: 2/)
  const upgraded = await tool('FeatureCommand', ['upgrade', '--release-version', '4.4'])
  assert.match(upgraded, /metadata\.version was upgraded to 33/)
  await assert.rejects(
    tool('FeatureCommand', ['downgrade', '--feature', 'transaction.version=1', '--dry-run']),
    /Can not downgrade transaction\.version to 1\. .*stays there/,
  )
})

test('kafka-cluster tells what a cluster is called, where it is, and what it speaks', async () => {
  const cluster = action => tool('ClusterTool', [], { action: [action] })
  assert.match(await cluster('cluster-id'), /^Cluster ID: [\w-]{22}$/m)
  assert.match(await cluster('list-endpoints'), new RegExp(`^1 +127\\.0\\.0\\.1 +${server.port} `, 'm'))
  const versions = await cluster('api-versions')
  assert.match(versions, /ApiVersions\(18\): 0 to 5 \[usable: 5\]/)
  assert.match(versions, /UnregisterController\(94\): UNSUPPORTED/)
})

test('kafka-metadata-quorum describes a quorum without a lag', async () => {
  const status = await tool('MetadataQuorumCommand', ['describe', '--status'])
  assert.match(status, /LeaderId: +1\n.*MaxFollowerLag: +0\n.*CurrentVoters: +\[\{"id": 1/s)
  const replicas = await tool('MetadataQuorumCommand', ['describe', '--replication', '--human-readable'])
  assert.match(replicas, /^1\s.*ms ago.*Leader/m)
})

test('kafka-delegation-tokens hears that a client has to authenticate first', async () => {
  const folder = await mkdtemp(path.join(tmpdir(), 'brokerlet-tools-'))
  const config = path.join(folder, 'client.properties')
  await writeFile(config, '')
  const describe = ['--describe', '--command-config', config]
  await assert.rejects(tool('DelegationTokenCommand', describe), /not allowed on PLAINTEXT/)
  await rm(folder, { recursive: true })
})

test('kafka-log-dirs tells how much a topic takes', async () => {
  broker.createTopic('sized', { partitions: 1 })
  await broker.producer().send({ topic: 'sized', key: 'ab', value: 12345 })
  const output = await tool('LogDirsCommand', ['--describe', '--topic-list', 'sized'])
  const { brokers } = JSON.parse(output.split('\n').find(line => line.startsWith('{')))
  assert.deepEqual(
    brokers[0].logDirs[0].partitions.map(({ partition, size }) => [partition, size]),
    [['sized-0', 7]],
  )
})

test('kafka-leader-election finds every leader in its place', async () => {
  const args = ['--election-type', 'preferred', '--topic', 'orders', '--partition', '0']
  assert.match(await tool('LeaderElectionCommand', args), /Valid replica already elected.*orders-0/s)
  await tool('LeaderElectionCommand', ['--election-type', 'preferred', '--all-topic-partitions'])
})

test('kafka-reassign-partitions lists nothing on its way, and verifies what is as it should be', async () => {
  assert.match(await tool('ReassignPartitionsCommand', ['--list'], { room: reassign }), /No partition reass/)
  const folder = await mkdtemp(path.join(tmpdir(), 'brokerlet-tools-'))
  const file = path.join(folder, 'plan.json')
  const partitions = [0, 1, 2].map(partition => ({ topic: 'orders', partition, replicas: [1] }))
  await writeFile(file, JSON.stringify({ version: 1, partitions }))
  const plan = ['--reassignment-json-file', file]
  const run = action => tool('ReassignPartitionsCommand', [action, ...plan], { room: reassign })
  assert.match(await run('--execute'), /Successfully started partition reassignments/)
  assert.match(await run('--verify'), /Reassignment of partition orders-2 is completed/)
  await rm(folder, { recursive: true })
})

test('kafka-reassign-partitions sets limits of moving replicas, and lifts them', async () => {
  const folder = await mkdtemp(path.join(tmpdir(), 'brokerlet-tools-'))
  const file = path.join(folder, 'plan.json')
  const partitions = [{ topic: 'orders', partition: 0, replicas: [1] }]
  await writeFile(file, JSON.stringify({ version: 1, partitions }))
  const run = (...action) =>
    tool('ReassignPartitionsCommand', [...action, '--reassignment-json-file', file], { room: reassign })
  const described = () =>
    tool('ConfigCommand', ['--describe', '--entity-type', 'brokers', '--entity-name', '1'])
  assert.match(await run('--execute', '--throttle', '1000'), /throttle limit was set to 1000/)
  assert.match(await described(), /leader\.replication\.throttled\.rate=1000/)
  assert.match(await run('--verify'), /Clearing broker-level throttles/)
  assert.doesNotMatch(await described(), /throttled/)
  await rm(folder, { recursive: true })
})

test('kafka-configs changes what topics have by default, for one broker and for all', async () => {
  const configs = (...args) => tool('ConfigCommand', args)
  const ofAll = ['--entity-type', 'brokers', '--entity-default']
  await configs('--alter', ...ofAll, '--add-config', 'log.retention.ms=60000')
  assert.equal(broker.topics.get('orders').options.retentionMs, 60_000)
  assert.match(await configs('--describe', ...ofAll), /log\.retention\.ms=60000 sensitive=false/)
  const told = await configs('--describe', '--entity-type', 'topics', '--entity-name', 'orders', '--all')
  assert.match(told, /retention\.ms=60000 .*DYNAMIC_DEFAULT_BROKER_CONFIG:log\.retention\.ms=60000/)
  await configs('--alter', ...ofAll, '--delete-config', 'log.retention.ms')
  assert.equal(broker.topics.get('orders').options.retentionMs, 604_800_000)
})

test('kafka-configs sets quotas, shows them and takes them back', async () => {
  const configs = (...args) => tool('ConfigCommand', args)
  assert.doesNotMatch(await configs('--describe', '--entity-type', 'users'), /SCRAM|rate/)
  const limit = ['--entity-type', 'clients', '--entity-name', 'shop']
  await configs('--alter', ...limit, '--add-config', 'producer_byte_rate=1024')
  assert.match(await configs('--describe', ...limit), /producer_byte_rate=1024/)
  await configs('--alter', ...limit, '--delete-config', 'producer_byte_rate')
  assert.doesNotMatch(await configs('--describe', '--entity-type', 'clients'), /rate/)
})

test('kafka-configs adds a user of SCRAM, who may come in, and removes them', async () => {
  const secured = await serve(broker, { sasl: { users: { admin: 'admin-secret' } } })
  const folder = await mkdtemp(path.join(tmpdir(), 'brokerlet-tools-'))
  const as = async (user, password, mechanism) => {
    const login = mechanism === 'PLAIN' ? 'plain.Plain' : 'scram.Scram'
    const file = path.join(folder, `${user}.properties`)
    const module = `org.apache.kafka.common.security.${login}LoginModule`
    await writeFile(
      file,
      [
        'security.protocol=SASL_PLAINTEXT',
        `sasl.mechanism=${mechanism}`,
        `sasl.jaas.config=${module} required username="${user}" password="${password}";`,
        'request.timeout.ms=5000',
        'default.api.timeout.ms=5000',
      ].join('\n'),
    )
    return file
  }
  const admin = await as('admin', 'admin-secret', 'PLAIN')
  const configs = (...args) => {
    const all = ['--command-config', admin, '--entity-type', 'users', ...args]
    return tool('ConfigCommand', all, { at: secured })
  }
  const ada = ['--entity-name', 'ada']
  await configs('--alter', ...ada, '--add-config', 'SCRAM-SHA-512=[iterations=8192,password=secret]')
  assert.match(await configs('--describe', ...ada), /ada.*SCRAM-SHA-512=iterations=8192/)
  const lists = async () => {
    const args = ['--list', '--command-config', await as('ada', 'secret', 'SCRAM-SHA-512')]
    return tool('TopicCommand', args, { at: secured })
  }
  assert.match(await lists(), /^orders$/m)
  await configs('--alter', ...ada, '--delete-config', 'SCRAM-SHA-512')
  await assert.rejects(lists, /SaslAuthenticationException/)
  await secured.close()
  await rm(folder, { recursive: true })
})
