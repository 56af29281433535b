/** Apache Kafka's command line tools against the built package: `npm run test:java`, which needs Java and Maven. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import path from 'node:path'
import { after, before, test } from 'node:test'
import { Broker, topic } from '../../dist/index.js'
import { serve } from '../../dist/server/index.js'

const libs = path.join(import.meta.dirname, 'target', 'libs', '*')
const errors = []
let broker
let server

before(async () => {
  broker = new Broker({ topics: { orders: topic({ partitions: 3 }) } })
  broker.on('error', error => errors.push(error))
  server = await serve(broker)
})

after(async () => {
  await broker.close()
  assert.deepEqual(errors, [])
})

/** Runs a tool to its end; gives what it printed. */
function tool(name, args, { input = '' } = {}) {
  return new Promise((resolve, reject) => {
    const command = [
      '-cp',
      libs,
      `org.apache.kafka.tools.${name}`,
      '--bootstrap-server',
      server.address,
      ...args,
    ]
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
