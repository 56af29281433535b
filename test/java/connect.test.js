/** Kafka Connect's workers against the built package: `npm run test:java`, which needs Java and Maven. */
import assert from 'node:assert/strict'
import { appendFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after, before, test } from 'node:test'
import { Broker } from '../../dist/index.js'
import { RequestLog, serve } from '../../dist/server/index.js'
import { eventually, freePorts, JavaProgram } from './java-program.js'

const errors = []
const requests = new RequestLog({ maxRequests: 100_000 })
let folder
let broker
let server
let workers

before(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'brokerlet-connect-'))
  broker = new Broker()
  broker.on('error', error => errors.push(error))
  server = await serve(broker, { requests })
  const ports = await freePorts(2)
  workers = await Promise.all(ports.map(startWorker))
  for (const worker of workers) {
    await eventually(async () => (await ask(worker, 'GET', '/connectors')).length === 0, worker.program)
  }
})

after(async () => {
  for (const { program } of workers ?? []) await program.kill()
  await broker.close()
  await rm(folder, { recursive: true })
  assert.deepEqual(errors, [])
})

async function startWorker(port) {
  const file = path.join(folder, `worker-${port}.properties`)
  await writeFile(file, properties(port))
  return { port, program: new JavaProgram('org.apache.kafka.connect.cli.ConnectDistributed', [file]) }
}

function properties(port) {
  const values = {
    'bootstrap.servers': server.address,
    'group.id': 'connect',
    'key.converter': 'org.apache.kafka.connect.storage.StringConverter',
    'value.converter': 'org.apache.kafka.connect.json.JsonConverter',
    'value.converter.schemas.enable': false,
    'config.storage.topic': 'connect-configs',
    'config.storage.replication.factor': 1,
    'offset.storage.topic': 'connect-offsets',
    'offset.storage.replication.factor': 1,
    'offset.storage.partitions': 5,
    'status.storage.topic': 'connect-status',
    'status.storage.replication.factor': 1,
    'status.storage.partitions': 3,
    'exactly.once.source.support': 'enabled',
    listeners: `http://127.0.0.1:${port}`,
    'rest.advertised.host.name': '127.0.0.1',
    'rest.advertised.port': port,
    // Tests are quick: whoever is gone is missed soon, and its work is not kept for it for long.
    'offset.flush.interval.ms': 500,
    'scheduled.rebalance.max.delay.ms': 1000,
    'session.timeout.ms': 6000,
    'heartbeat.interval.ms': 500,
    'plugin.discovery': 'service_load',
  }
  return Object.entries(values)
    .map(([name, value]) => `${name}=${value}\n`)
    .join('')
}

/** The answer of a worker; while the workers share out their work (409) it is asked again. */
async function ask({ port, program }, method, resource, body) {
  const request = { method, headers: { 'content-type': 'application/json' } }
  if (body !== undefined) request.body = JSON.stringify(body)
  let answer
  await eventually(async () => {
    answer = await fetch(`http://127.0.0.1:${port}${resource}`, request)
    return answer.status !== 409
  }, program)
  const text = await answer.text()
  if (!answer.ok) throw new Error(`${method} ${resource} was answered ${answer.status}: ${text}`)
  return text === '' ? undefined : JSON.parse(text)
}

/** Waits until a connector and its tasks are in a state; gives the ports of the workers that have the tasks. */
async function settled(worker, name, state, tasks) {
  let status
  await eventually(async () => {
    status = await ask(worker, 'GET', `/connectors/${name}/status`)
    const all = [status.connector, ...status.tasks]
    return status.tasks.length === tasks && all.every(each => each.state === state)
  }, worker.program)
  return status.tasks.map(task => Number(task.worker_id.split(':')[1]))
}

const fileOf = name => path.join(folder, name)
// Each is JSON, which the source takes as it is, and the sink reads.
const numbered = (word, count) => Array.from({ length: count }, (_, i) => `"${word}-${i}"`)
const textOf = lines => lines.map(line => `${line}\n`).join('')

/** What the sink has written, as JSON again. */
async function written() {
  const text = await readFile(fileOf('out'), 'utf8')
  const lines = text.split('\n').filter(line => line !== '')
  return lines.map(line => JSON.stringify(line))
}

const arrived = count => eventually(async () => (await written()).length === count, workers[0].program)

test('two workers are one group, with what they know in three compacted topics', async () => {
  for (const name of ['connect-configs', 'connect-offsets', 'connect-status']) {
    assert.equal(broker.topics.get(name).options.cleanupPolicy, 'compact')
  }
  assert.equal(broker.topics.get('connect-configs').partitionCount, 1)
  assert.equal(broker.topics.get('connect-offsets').partitionCount, 5)
  const joins = requests.of({ api: 'JoinGroup', group: 'connect' })
  assert.equal(new Set(joins.map(({ clientId }) => clientId)).size, 2)
})

test('a source writes in transactions, and a sink reads what was committed', async () => {
  const [worker] = workers
  broker.createTopic('lines', { partitions: 3 })
  await writeFile(fileOf('in'), textOf(numbered('line', 100)))
  await ask(worker, 'PUT', '/connectors/source/config', {
    'connector.class': 'org.apache.kafka.connect.file.FileStreamSourceConnector',
    'tasks.max': 1,
    file: fileOf('in'),
    topic: 'lines',
    'exactly.once.support': 'required',
    'value.converter': 'org.apache.kafka.connect.storage.StringConverter',
  })
  await ask(worker, 'PUT', '/connectors/sink/config', {
    'connector.class': 'org.apache.kafka.connect.file.FileStreamSinkConnector',
    'tasks.max': 2,
    file: fileOf('out'),
    topics: 'lines',
    'errors.tolerance': 'all',
    'errors.deadletterqueue.topic.name': 'bad-lines',
    'errors.deadletterqueue.topic.replication.factor': 1,
    'errors.deadletterqueue.context.headers.enable': true,
    'consumer.override.isolation.level': 'read_committed',
  })
  await settled(worker, 'source', 'RUNNING', 1)
  await settled(worker, 'sink', 'RUNNING', 2)
  await arrived(100)
  assert.deepEqual((await written()).toSorted(), numbered('line', 100).toSorted())
  assert.ok(requests.of({ api: 'EndTxn' }).length > 0)
})

test('what a sink cannot convert goes to its dead letter topic', async () => {
  await broker.producer().send({ topic: 'lines', value: new TextEncoder().encode('{') })
  const deadLetters = () => (broker.topics.has('bad-lines') ? broker.topic('bad-lines').records() : [])
  await eventually(() => deadLetters().length === 1, workers[0].program)
  const [dead] = deadLetters()
  assert.equal(String(dead.headers['__connect.errors.topic']), 'lines')
})

test('a source that was stopped begins at the offset that it is given', async () => {
  const [worker] = workers
  await ask(worker, 'PUT', '/connectors/source/stop')
  await settled(worker, 'source', 'STOPPED', 0)
  const partition = { filename: fileOf('in') }
  const { offsets } = await ask(worker, 'GET', '/connectors/source/offsets')
  assert.deepEqual(offsets, [{ partition, offset: { position: textOf(numbered('line', 100)).length } }])
  const halfway = { position: textOf(numbered('line', 50)).length }
  await ask(worker, 'PATCH', '/connectors/source/offsets', { offsets: [{ partition, offset: halfway }] })
  await ask(worker, 'PUT', '/connectors/source/resume')
  await arrived(150)
})

test('a sink that was stopped reads again from the offsets that it is given', async () => {
  const [worker] = workers
  await ask(worker, 'PUT', '/connectors/sink/stop')
  await settled(worker, 'sink', 'STOPPED', 0)
  const group = broker.group('connect-sink')
  assert.equal(group.lag(), 0)
  const offsets = [0, 1, 2].map(number => ({
    partition: { kafka_topic: 'lines', kafka_partition: number },
    offset: { kafka_offset: 0 },
  }))
  await ask(worker, 'PATCH', '/connectors/sink/offsets', { offsets })
  assert.deepEqual(
    group.offsets.map(({ offset }) => offset),
    [0, 0, 0],
  )
  await ask(worker, 'DELETE', '/connectors/sink/offsets')
  assert.deepEqual(group.offsets, [])
  await ask(worker, 'PUT', '/connectors/sink/resume')
  await arrived(300)
})

test('when a worker is killed, the other one goes on with its tasks, and no line is lost or comes twice', async () => {
  const [owner] = await settled(workers[0], 'source', 'RUNNING', 1)
  const killed = workers.find(({ port }) => port === owner)
  const other = workers.find(worker => worker !== killed)
  await appendFile(fileOf('in'), textOf(numbered('more', 50)))
  await killed.program.kill()
  await appendFile(fileOf('in'), textOf(numbered('late', 50)))
  await eventually(async () => {
    const ports = [
      ...(await settled(other, 'source', 'RUNNING', 1)),
      ...(await settled(other, 'sink', 'RUNNING', 2)),
    ]
    return ports.every(port => port === other.port)
  }, other.program)
  const last = [...numbered('more', 50), ...numbered('late', 50)].map(line => JSON.parse(line)).toSorted()
  const since = () => {
    const values = broker
      .topic('lines')
      .records()
      .map(({ value }) => value)
    return values.filter(value => last.includes(value)).toSorted()
  }
  await eventually(() => since().length >= last.length, other.program)
  assert.deepEqual(since(), last)
  await ask(other, 'DELETE', '/connectors/source')
  await ask(other, 'DELETE', '/connectors/sink')
  await eventually(() => broker.group('connect-sink').members.length === 0, other.program)
  await other.program.stop()
  assert.equal(broker.group('connect-sink').lag(), 0)
})
