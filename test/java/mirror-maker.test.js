/** MirrorMaker from one served broker to another, of the built package: `npm run test:java`, which needs Java and Maven. */
import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after, before, test } from 'node:test'
import { Broker } from '../../dist/index.js'
import { serve } from '../../dist/server/index.js'
import { eventually, JavaProgram } from './java-program.js'

const errors = []
let folder
let source
let target
let mirrorMaker

before(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'brokerlet-mirror-'))
  source = new Broker()
  target = new Broker()
  for (const broker of [source, target]) broker.on('error', error => errors.push(error))
  source.createTopic('orders', { partitions: 3, retentionMs: 360_000_000, cleanupPolicy: 'compact,delete' })
  source.createTopic('private', { partitions: 1 })
  await source.producer().sendBatch(numbered(0, 300))
  await readAll()
  const file = path.join(folder, 'mirror.properties')
  await writeFile(file, properties((await serve(source)).address, (await serve(target)).address))
  mirrorMaker = new JavaProgram('org.apache.kafka.connect.mirror.MirrorMaker', [file])
})

after(async () => {
  await mirrorMaker?.stop()
  await source.close()
  await target.close()
  await rm(folder, { recursive: true })
  assert.deepEqual(errors, [])
})

function properties(from, to) {
  const replicated = ['checkpoints.topic', 'heartbeats.topic', 'offset-syncs.topic', 'offset.storage']
  const values = {
    clusters: 'near,far',
    'near.bootstrap.servers': from,
    'far.bootstrap.servers': to,
    'near->far.enabled': true,
    'near->far.topics': 'orders',
    'near->far.consumer.auto.offset.reset': 'earliest',
    'replication.factor': 1,
    'sync.topic.acls.enabled': false,
    'sync.topic.configs.interval.seconds': 1,
    'sync.group.offsets.enabled': true,
    'sync.group.offsets.interval.seconds': 1,
    'refresh.topics.interval.seconds': 1,
    'refresh.groups.interval.seconds': 1,
    'emit.checkpoints.interval.seconds': 1,
    'emit.heartbeats.interval.seconds': 1,
    'offset.flush.interval.ms': 500,
    'plugin.discovery': 'service_load',
  }
  for (const name of [...replicated, 'status.storage', 'config.storage'])
    values[`${name}.replication.factor`] = 1
  return Object.entries(values)
    .map(([name, value]) => `${name}=${value}\n`)
    .join('')
}

const numbered = (from, to) =>
  Array.from({ length: to - from }, (_, i) => ({
    topic: 'orders',
    key: `o-${from + i}`,
    value: { number: from + i },
    headers: { tenant: 'acme' },
  }))

/** Has the group 'billing' read what there is, and go. */
async function readAll() {
  const billing = source.consumer({ groupId: 'billing', topics: ['orders'], autoOffsetReset: 'earliest' })
  await billing.run({ eachRecord: () => {} })
  await source.group('billing').caughtUp()
  await billing.close()
}

const mirrored = () => (target.topics.has('near.orders') ? target.topic('near.orders').records() : [])

test('records arrive in their partitions, with their keys, headers and times', async () => {
  await eventually(() => mirrored().length === 300, mirrorMaker)
  const what = ({ partition, offset, key, value, timestamp, headers }) => {
    return { partition, offset, key, value, timestamp, tenant: String(headers.tenant) }
  }
  const inOrder = records =>
    records.map(what).toSorted((a, b) => a.partition - b.partition || a.offset - b.offset)
  assert.deepEqual(inOrder(mirrored()), inOrder(source.topic('orders').records()))
  assert.equal(target.topics.has('near.private'), false)
})

test('a topic has the configs of its original, also when they change, and as many partitions', async () => {
  const { options } = target.topics.get('near.orders')
  assert.equal(options.retentionMs, 360_000_000)
  assert.equal(options.cleanupPolicy, 'compact,delete')
  await source.admin.alterTopic('orders', { retentionMs: 720_000_000 })
  source.topics.get('orders').addPartitions(5)
  await eventually(() => {
    const copy = target.topics.get('near.orders')
    return copy.options.retentionMs === 720_000_000 && copy.partitionCount === 5
  }, mirrorMaker)
})

test('a group goes on at the copy where it had come to', async () => {
  // Where nothing was mirrored lately, what a group has read is known only from the last record on that was.
  const isSynced = () => target.groups.has('billing') && target.group('billing').offsets.length === 3
  await eventually(isSynced, mirrorMaker)
  const { topic, partition, offset } = target.group('billing').offsets[0]
  assert.equal(topic, 'near.orders')
  assert.ok(offset > 0 && offset <= source.group('billing').committed({ topic: 'orders', partition }).offset)
})

test('heartbeats come, and go on', async () => {
  const beats = () =>
    target.topics.has('near.heartbeats') ? target.topic('near.heartbeats').records().length : 0
  await eventually(() => beats() > 0, mirrorMaker)
  const until = beats()
  await eventually(() => beats() > until, mirrorMaker)
})
