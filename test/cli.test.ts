import { spawn } from 'node:child_process'
import { once } from 'node:events'
import path from 'node:path'
import { Writable } from 'node:stream'
import { Kafka, logLevel } from 'kafkajs'
import { expect, it } from 'vitest'
import { LineWriter } from '../src/cli/line-writer.ts'
import { run } from '../src/cli/run.ts'
import { Broker } from '../src/index.ts'
import { serve } from '../src/server/serve.ts'

const tls = path.join(import.meta.dirname, 'server', 'tls')

/** The command as it runs, and how to interrupt it. */
function start(...args: string[]) {
  const lines: string[] = []
  const complaints: string[] = []
  let interrupt: (() => void) | undefined
  const ended = run(args, '1.2.3', {
    print: line => lines.push(line),
    complain: line => complaints.push(line),
    onInterrupt: end => {
      interrupt = end
    },
  })
  const address = async () => {
    await expect.poll(() => interrupt).toBeDefined()
    return lines.find(line => /^127\.0\.0\.1:\d+$/.test(line))!
  }
  return { lines, complaints, ended, address, interrupt: () => interrupt!() }
}

it('listens, prints its address and a line per event, and ends when it is interrupted', async () => {
  const command = start(
    '--port',
    '0',
    '--topic',
    'orders:6',
    '--topic',
    'audit',
    '--auto-create',
    '--max-records',
    '1000',
  )
  const kafka = new Kafka({ brokers: [await command.address()], logLevel: logLevel.NOTHING })
  const admin = kafka.admin()
  await admin.connect()
  expect((await admin.listTopics()).sort()).toEqual(['audit', 'orders'])
  expect((await admin.fetchTopicMetadata({ topics: ['orders'] })).topics[0]!.partitions).toHaveLength(6)
  await admin.createTopics({ topics: [{ topic: 'late', numPartitions: 2 }] })
  const producer = kafka.producer()
  await producer.connect()
  const noText = { key: Buffer.from([0xff]), value: '' }
  for (const topic of ['orders', 'late', 'named']) await producer.send({ topic, messages: [noText] })
  await producer.disconnect()
  const consumer = kafka.consumer({ groupId: 'billing', maxWaitTimeInMs: 50 })
  await consumer.connect()
  await consumer.subscribe({ topic: 'orders', fromBeginning: true })
  await new Promise<void>(resolve => void consumer.run({ eachMessage: async () => resolve() }))
  await consumer.disconnect()
  const configEntries = [{ name: 'retention.ms', value: '60000' }]
  await admin.alterConfigs({ validateOnly: false, resources: [{ type: 2, name: 'late', configEntries }] })
  await admin.disconnect()
  command.interrupt()
  expect(await command.ended).toBe(0)
  expect(command.lines).toContain('topic late made, partitions: 2')
  expect(command.lines).toContain('group billing made')
  expect(command.lines).toContain('topic late altered: retentionMs, segmentMs')
  expect(command.complaints).toEqual([])
})

it('prints the host that clients are told to come to', async () => {
  const command = start('--port', '0', '--advertised-host', 'localhost')
  await expect.poll(() => command.lines[0]).toMatch(/^localhost:\d+$/)
  command.interrupt()
  expect(await command.ended).toBe(0)
})

it('shows several brokers, and prints where all of them are', async () => {
  const command = start('--port', '0', '--brokers', '3', '--topic', 'orders:3')
  await expect.poll(() => command.lines.length).toBeGreaterThan(0)
  const [, ...printed] = command.lines.find(line => line.includes(','))!.match(/^(.+),(.+),(.+)$/)!
  const kafka = new Kafka({ brokers: [printed[1]!], logLevel: logLevel.NOTHING })
  const admin = kafka.admin()
  await admin.connect()
  const { brokers } = await admin.describeCluster()
  expect(brokers.map(({ host, port }) => `${host}:${port}`)).toEqual(printed)
  await admin.disconnect()
  command.interrupt()
  expect(await command.ended).toBe(0)
})

it('lets a client end that would wait for records, where a fetch waits as long as it says', async () => {
  const command = start('--port', '0', '--topic', 'orders', '--fetch-max-wait', '50')
  const kafka = new Kafka({ brokers: [await command.address()], logLevel: logLevel.NOTHING })
  const consumer = kafka.consumer({ groupId: 'billing', maxWaitTimeInMs: 120_000 })
  await consumer.connect()
  await consumer.subscribe({ topic: 'orders' })
  const fetched = new Promise(resolve => consumer.on('consumer.fetch', resolve))
  await consumer.run({ eachMessage: async () => undefined })
  await fetched
  await consumer.disconnect()
  command.interrupt()
  expect(await command.ended).toBe(0)
})

it('speaks TLS', async () => {
  const command = start(
    '--port',
    '0',
    '--tls-key',
    path.join(tls, 'key.pem'),
    '--tls-cert',
    path.join(tls, 'cert.pem'),
  )
  const kafka = new Kafka({
    brokers: [await command.address()],
    ssl: { rejectUnauthorized: false },
    logLevel: logLevel.NOTHING,
  })
  const admin = kafka.admin()
  await admin.connect()
  expect(await admin.listTopics()).toEqual([])
  await admin.disconnect()
  command.interrupt()
  expect(await command.ended).toBe(0)
})

it('lets in only who proves who they are, where users are given', async () => {
  const command = start('--port', '0', '--sasl', 'ada:se:cret', '--quiet')
  const address = await command.address()
  const topics = async (sasl: object) => {
    const kafka = new Kafka({
      brokers: [address],
      logLevel: logLevel.NOTHING,
      retry: { retries: 0 },
      ...sasl,
    })
    const admin = kafka.admin()
    await admin.connect()
    try {
      return await admin.listTopics()
    } finally {
      await admin.disconnect()
    }
  }
  const sasl = { mechanism: 'scram-sha-512', username: 'ada', password: 'se:cret' }
  expect(await topics({ sasl })).toEqual([])
  await expect(topics({})).rejects.toThrow('Closed connection')
  command.interrupt()
  expect(await command.ended).toBe(0)
  expect(command.lines).toEqual([address])
})

it('lets a super user do everything, and others what access lists allow', async () => {
  const users = ['--sasl', 'ada:secret', '--sasl', 'admin:secret']
  const command = start('--port', '0', '--topic', 'orders', ...users, '--super-user', 'User:admin')
  const address = await command.address()
  const as = async (username: string) => {
    const kafka = new Kafka({
      brokers: [address],
      logLevel: logLevel.NOTHING,
      sasl: { mechanism: 'plain', username, password: 'secret' },
    })
    const admin = kafka.admin()
    await admin.connect()
    return admin
  }
  const [ada, admin] = await Promise.all([as('ada'), as('admin')])
  expect(await ada.listTopics()).toEqual([])
  const [principal, host] = ['User:ada', '*']
  const [resourceType, resourcePatternType, operation, permissionType] = [2, 3, 3, 3]
  const acl = { resourceType, resourceName: 'orders', resourcePatternType, operation, permissionType }
  await admin.createAcls({ acl: [{ ...acl, principal, host }] })
  expect(await ada.listTopics()).toEqual(['orders'])
  await Promise.all([ada.disconnect(), admin.disconnect()])
  command.interrupt()
  expect(await command.ended).toBe(0)
})

it.each([
  [['--sasl', 'ada'], '--sasl expected USER:PASSWORD'],
  [['--super-user', 'admin'], "--super-user expected User:NAME, received 'admin'"],
  [
    ['--super-user', 'User:admin'],
    '--super-user goes with --sasl: without that every client is User:ANONYMOUS',
  ],
  [['--port', 'x'], "--port expected a whole number from 0 to 65535, received 'x'"],
  [['--brokers', '0'], "--brokers expected a whole number from 1 to 100, received '0'"],
  [['--topic', ':3'], "--topic expected NAME or NAME:PARTITIONS, received ':3'"],
  [['--topic', 'a:0'], "--topic a expected a whole number from 1 to 100000, received '0'"],
  [['--topic', 'a:100001'], "--topic a expected a whole number from 1 to 100000, received '100001'"],
  [['--auto-create', '100001'], "--auto-create expected a whole number from 1 to 100000, received '100001'"],
  [['--auto-create', '-1'], "--auto-create expected a whole number from 1 to 100000, received '-1'"],
  [['--prot', '1'], "Unknown option '--prot'"],
  [['--port', '-1'], "--port expected a whole number from 0 to 65535, received '-1'"],
  [['--max-records', '-1'], "--max-records expected a whole number of at least 1, received '-1'"],
  [['--max-records=-1'], "--max-records expected a whole number of at least 1, received '-1'"],
  [['--fetch-max-wait', '0'], "--fetch-max-wait expected a whole number of at least 1, received '0'"],
  [['--max-records', ''], "--max-records expected a whole number of at least 1, received ''"],
  [
    ['--max-records', '9007199254740992'],
    "--max-records expected a whole number from 1 to 9007199254740991, received '9007199254740992'",
  ],
  [['--host', ''], "--host expected a name or an address, received ''"],
  [['--advertised-host', ''], "--advertised-host expected a name or an address, received ''"],
  [['--brokers', '3', '--port', '65534'], '--port expected room for 3 brokers up to 65535, received 65534'],
  [['--tls-key', '--tls-cert', 'c'], "--tls-key expected a value, received '--tls-cert'"],
  [['--sasl', 'ada:'], '--sasl expected USER:PASSWORD'],
  [['--sasl'], "Option '--sasl <value>' argument missing"],
  [['--topic', 'a', '--topic', 'a:3'], '--topic a was given twice'],
  [['--sasl', 'ada:x', '--sasl', 'ada:y'], '--sasl ada was given twice'],
  [['--tls-key', 'k'], '--tls-key and --tls-cert go together'],
  [['orders'], "Unexpected argument 'orders'"],
])('says in one line what is wrong with %j, and ends with 2', async (args, message) => {
  const command = start(...args)
  expect(await command.ended).toBe(2)
  expect(command.complaints).toEqual([`brokerlet: ${message}; --help lists the options`])
  expect(command.lines).toEqual([])
})

it('says in one line that its port is taken, that a topic cannot be, or a file is not there, and ends with 1', async () => {
  const broker = new Broker()
  const { port } = await serve(broker)
  const manifest = path.resolve(import.meta.dirname, '../package.json')
  const outcomes = []
  for (const args of [
    ['--port', String(port)],
    ['--port', '0', '--topic', 'a b'],
    ['--port', '0', '--tls-key', '/nowhere', '--tls-cert', '/nowhere'],
    ['--port', '0', '--tls-key', manifest, '--tls-cert', manifest],
  ]) {
    const command = start(...args)
    outcomes.push([await command.ended, command.complaints.length, command.complaints[0]])
  }
  expect(outcomes).toEqual([
    [1, 1, `brokerlet: port ${port} is taken`],
    [1, 1, expect.stringContaining("received 'a b'")],
    [1, 1, expect.stringMatching(/^brokerlet: --tls-key \/nowhere cannot be read: ENOENT/)],
    [
      1,
      1,
      expect.stringContaining(
        `--tls-key ${manifest} and --tls-cert ${manifest} are no key and its certificate`,
      ),
    ],
  ])
  await broker.close()
})

it.each([
  [['--port', 'x', '--help']],
  [['--help', '--port', 'x']],
  [['--prot', '1', '-h']],
  [['orders', '--help']],
])('prints its options where it is asked to, whatever else is wrong: %j', async args => {
  const command = start(...args)
  expect(await command.ended).toBe(0)
  expect(command.lines[0]).toContain('--topic NAME[:N]')
  expect(command.complaints).toEqual([])
})

it('prints its options, and its version', async () => {
  const help = start('--help')
  expect(await help.ended).toBe(0)
  expect(help.lines[0]).toContain('--topic NAME[:N]')
  const version = start('--version')
  expect(await version.ended).toBe(0)
  expect(version.lines).toEqual(['1.2.3'])
})

it('goes on where nobody reads its lines any more', async () => {
  const main = path.resolve(import.meta.dirname, '../src/cli/main.ts')
  const command = spawn(process.execPath, ['--import', 'tsx', main, '--port', '0', '--auto-create'])
  const [line] = (await once(command.stdout, 'data')) as [Buffer]
  command.stdout.destroy()
  const producer = new Kafka({ brokers: [String(line).trim()], logLevel: logLevel.NOTHING }).producer()
  await producer.connect()
  for (const topic of ['first', 'second']) await producer.send({ topic, messages: [{ value: 'x' }] })
  await producer.disconnect()
  const exited = once(command, 'exit')
  command.kill('SIGTERM')
  expect(await exited).toEqual([0, null])
})

/** A stream that takes a line when it is told to, and what it has taken. */
function heldStream() {
  const taken: string[] = []
  const waiting: (() => void)[] = []
  const stream = new Writable({
    decodeStrings: false,
    write: (line: string, _encoding, done) =>
      void waiting.push(() => {
        taken.push(line)
        done()
      }),
  })
  const takeAll = () => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) next()
  }
  return { stream, taken, takeAll }
}

it('leaves out lines where a megabyte of them is unread, and says how many once they are read', async () => {
  const { stream, taken, takeAll } = heldStream()
  const writer = new LineWriter(stream)
  const line = 'x'.repeat(64 * 1024 - 1)
  for (let i = 0; i < 20; i++) writer.print(line)
  const drained = once(stream, 'drain')
  takeAll()
  await drained
  writer.print('next')
  takeAll()
  expect(taken).toHaveLength(19)
  expect(taken.slice(16)).toEqual([
    `${line}\n`,
    '3 lines are left out here: too many were unread\n',
    'next\n',
  ])
})

it('goes on, and ends when it is interrupted, where its lines are in a full pipe that nobody reads', async () => {
  const main = path.resolve(import.meta.dirname, '../src/cli/main.ts')
  const command = spawn(process.execPath, ['--import', 'tsx', main, '--port', '0'])
  const [line] = (await once(command.stdout, 'data')) as [Buffer]
  command.stdout.pause()
  const admin = new Kafka({ brokers: [String(line).trim()], logLevel: logLevel.NOTHING }).admin()
  await admin.connect()
  for (let i = 0; i < 4; i++) {
    const name = `${i}-${'x'.repeat(200)}`
    const topics = Array.from({ length: 400 }, (_, n) => ({ topic: `${name}${n}`, numPartitions: 1 }))
    await admin.createTopics({ waitForLeaders: false, topics })
  }
  expect(await admin.listTopics()).toHaveLength(1600)
  await admin.disconnect()
  const exited = once(command, 'exit')
  command.kill('SIGTERM')
  expect(await exited).toEqual([0, null])
  command.stdout.destroy()
})

it('prints a line for each request of a client where it is asked to, with the errors that the client got', async () => {
  const command = start('--port', '0', '--requests')
  const kafka = new Kafka({
    clientId: 'shop',
    brokers: [await command.address()],
    logLevel: logLevel.NOTHING,
    retry: { retries: 0 },
  })
  const producer = kafka.producer({ allowAutoTopicCreation: false })
  await producer.connect()
  await expect(producer.send({ topic: 'orders', messages: [{ value: 'x' }] })).rejects.toThrow()
  await producer.disconnect()
  command.interrupt()
  expect(await command.ended).toBe(0)
  expect(command.lines[0]).toMatch(/^127\.0\.0\.1:\d+$/)
  expect(command.lines).toContainEqual(
    expect.stringMatching(/ {2}shop {2}Metadata v\d+ {2}orders {2}answered UNKNOWN_TOPIC_OR_PARTITION$/),
  )
})

it('prints one line for each, whatever clients and groups are called', async () => {
  const command = start('--port', '0', '--requests')
  const kafka = new Kafka({
    clientId: 'shop\nother\u001B[2J',
    brokers: [await command.address()],
    logLevel: logLevel.NOTHING,
    retry: { retries: 0 },
  })
  const admin = kafka.admin()
  await admin.connect()
  const partitions = [{ partition: 0, offset: '0' }]
  await admin.createTopics({ topics: [{ topic: 'orders' }] })
  await admin.setOffsets({ groupId: 'a\r\nb', topic: 'orders', partitions })
  await admin.disconnect()
  command.interrupt()
  expect(await command.ended).toBe(0)
  const [, ...lines] = command.lines
  expect(lines).toContain(String.raw`group a\r\nb made`)
  expect(lines).toContainEqual(
    expect.stringMatching(
      / {2}shop\\nother\\u001b\[2J {2}OffsetCommit v\d+ {2}group a\\r\\nb orders-0 {2}answered$/,
    ),
  )
  for (const line of lines) expect(line).toMatch(/^\P{Cc}+$/u)
})
