import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import type { Broker as AnyBroker, TopicDefinition } from '../../src/index.ts'
import type { RequestLog, SaslMechanism, ServeOptions } from '../../src/server/index.ts'

/** The broker of one cell: `orders` is what clients read, `payments` what they write in transactions. */
export type CellBroker = AnyBroker<{ orders: TopicDefinition<string>; payments: TopicDefinition<string> }>

/** What a client's driver has printed. */
export type Told = Readonly<Record<string, any>>

/** One row of the matrix: what a client is asked to do, and what must have come of it. */
export interface Scenario {
  /** The row of the table, and the name on the command line. */
  readonly title: string
  /** What the driver is told to do, and with which argument. */
  readonly action: string
  readonly argument?: string
  /** How many partitions `orders` has; default 3. */
  readonly partitions?: number
  readonly serve?: ServeOptions
  prepare?(broker: CellBroker): Promise<void>
  /** Goes on while the driver runs; gives what `verify` needs of it. */
  beside?(broker: CellBroker): Promise<Told>
  /** Whether what the client sends is looked at. */
  readonly taps?: boolean
  verify(told: Told, cell: Evidence): void | Promise<void>
}

export interface Evidence {
  readonly broker: CellBroker
  readonly requests: RequestLog
  /** How the batches that the client sent were compressed; of a scenario that `taps`. */
  compression(): readonly string[]
}

/** The time of the first record of `fill`; each is a second younger than the one before. */
export const firstTimestamp = Date.now() - 3_600_000

async function fill(broker: CellBroker, count: number, partitions: number): Promise<void> {
  const producer = broker.producer()
  for (let i = 0; i < count; i++) {
    await producer.send({
      topic: 'orders',
      partition: i % partitions,
      key: `k${i}`,
      value: `v${i}`,
      headers: { trace: `t${i}` },
      timestamp: firstTimestamp + i * 1000,
    })
  }
}

const sorted = (values: readonly unknown[]) => values.map(value => JSON.stringify(value)).toSorted()

/** What is in a topic, as a reader of this process sees it. */
const valuesOf = (broker: CellBroker, name: 'orders' | 'payments') =>
  broker
    .topic(name)
    .records()
    .map(({ value }) => value)

const groupProtocols = { classic: 'JoinGroup', consumer: 'ConsumerGroupHeartbeat' } as const
type GroupProtocol = keyof typeof groupProtocols

const produce: Scenario = {
  title: 'produce',
  action: 'produce',
  verify(_told, { broker }) {
    const written = broker
      .topic('orders')
      .records()
      .map(({ partition, key, value, headers }) => [key, value, headers.trace ?? null, partition])
    const where = new Map(written.map(([key, ...rest]) => [key, rest]))
    assert.deepEqual([...where.keys()].toSorted(), ['a', 'b', 'c', 'd'])
    assert.deepEqual(where.get('a'), ['one', 'x', 0])
    assert.deepEqual(where.get('b'), ['two', null, 1])
    assert.deepEqual(where.get('c'), [null, null, 2])
    assert.equal(where.get('d')?.[0], 'four')
  },
}

const consume = (protocol: GroupProtocol): Scenario => ({
  title: protocol === 'classic' ? 'consume with a group' : 'KIP-848: consume with a group',
  action: 'consume',
  argument: protocol,
  prepare: broker => fill(broker, 99, 3),
  verify({ records }, { broker, requests }) {
    const expected = broker
      .topic('orders')
      .records()
      .map(({ partition, offset, key, value, headers }) => [partition, offset, key, value, headers.trace])
    assert.deepEqual(sorted(records), sorted(expected))
    assert.equal(broker.group('billing').lag(), 0, 'all that was read is committed')
    assert.notEqual(requests.of({ api: groupProtocols[protocol], group: 'billing' }).length, 0)
  },
})

const rebalance = (protocol: GroupProtocol): Scenario => ({
  title: protocol === 'classic' ? 'rebalance among 3' : 'KIP-848: rebalance among 3',
  action: 'rebalance',
  argument: protocol,
  partitions: 6,
  verify({ three, two }, { requests }) {
    for (const [members, each] of [
      [three, 2],
      [two, 3],
    ] as const) {
      assert.deepEqual(
        members.map((partitions: readonly number[]) => partitions.length),
        Array.from({ length: 6 / each }, () => each),
      )
      assert.deepEqual(members.flat().toSorted(), [0, 1, 2, 3, 4, 5])
    }
    assert.notEqual(requests.of({ api: groupProtocols[protocol], group: 'billing' }).length, 0)
  },
})

/** A consumer of this process and the client's are members of one group. */
const share = (protocol: GroupProtocol): Scenario => ({
  title: `${protocol === 'classic' ? 'classic' : 'KIP-848'}: a group with consumers of the process`,
  action: 'share',
  argument: protocol,
  partitions: 2,
  async beside(broker) {
    const own: string[] = []
    const consumer = broker.consumer({ groupId: 'billing', topics: ['orders'] })
    await consumer.run({ eachRecord: ({ value }) => void own.push(value) })
    const group = broker.group('billing')
    await new Promise<void>(resolve => {
      const look = () => {
        if (group.members.length === 2 && group.members.every(each => each.assignment.length === 1)) resolve()
      }
      broker.on('rebalanced', look)
      look()
    })
    const producer = broker.producer()
    for (const partition of [0, 1]) {
      await producer.send({ topic: 'orders', partition, value: `to ${partition}` })
    }
    await broker.idle({ timeoutMs: 20_000 })
    const seen = own.slice()
    for (const partition of [0, 1]) await producer.send({ topic: 'orders', partition, value: 'stop' })
    return { own: seen }
  },
  verify({ values, own }) {
    assert.equal(values.length, 1)
    assert.deepEqual([...values, ...own].toSorted(), ['to 0', 'to 1'])
  },
})

const seek: Scenario = {
  title: 'seek',
  action: 'seek',
  partitions: 1,
  prepare: broker => fill(broker, 10, 1),
  verify: ({ offsets }) => assert.deepEqual(offsets, [7, 8, 9]),
}

const offsets: Scenario = {
  title: 'offsets: earliest, latest, by time, commit, fetch',
  action: 'offsets',
  argument: String(firstTimestamp + 3500),
  partitions: 1,
  async prepare(broker) {
    await fill(broker, 10, 1)
    await broker.admin.deleteRecords([{ topic: 'orders', partition: 0, offset: 2 }])
  },
  verify({ earliest, latest, byTime, committed, left = committed }, { broker }) {
    assert.deepEqual(
      { earliest, latest, byTime, committed },
      { earliest: 2, latest: 10, byTime: 4, committed: 5 },
    )
    assert.equal(broker.group('billing').committed({ topic: 'orders', partition: 0 })?.offset, left)
  },
}

const reset: Scenario = {
  title: 'offsets: reset where they are out of range',
  action: 'reset',
  partitions: 1,
  async prepare(broker) {
    await fill(broker, 10, 1)
    await broker.admin.setGroupOffsets('billing', [{ topic: 'orders', partition: 0, offset: 1 }])
    await broker.admin.deleteRecords([{ topic: 'orders', partition: 0, offset: 6 }])
  },
  verify: ({ first }) => assert.equal(first, 6),
}

const transactions: Scenario = {
  title: 'transactions',
  action: 'transactions',
  partitions: 1,
  prepare: broker => fill(broker, 3, 1),
  async verify({ read }, { broker }) {
    const paid = ['paid v0', 'paid v1', 'paid v2', 'last']
    assert.deepEqual(read, paid)
    assert.equal(broker.group('billing').committed({ topic: 'orders', partition: 0 })?.offset, 3)
    const seen: string[] = []
    const reader = broker.consumer({
      groupId: 'audit of the process',
      topics: ['payments'],
      autoOffsetReset: 'earliest',
      isolationLevel: 'read_committed',
    })
    await reader.run({ eachRecord: ({ value }) => void seen.push(value) })
    await reader.caughtUp()
    assert.deepEqual(seen, paid)
  },
}

const adminTopics: Scenario = {
  title: 'admin: topics',
  action: 'admin-topics',
  prepare: broker => broker.admin.createTopic('old'),
  async verify({ listed, partitions, grown = true }, { broker }) {
    assert.deepEqual(listed, ['made', 'old', 'orders', 'payments'])
    assert.equal(partitions, 3)
    assert.deepEqual(await broker.admin.listTopics(), ['made', 'orders', 'payments'])
    const made = broker.topics.get('made' as 'orders')!
    // Some have no createPartitions.
    assert.equal(made.partitionCount, grown ? 5 : 3)
    assert.equal(made.options.retentionMs, 60_000)
  },
}

const stale = [
  { topic: 'orders', partition: 0, offset: 3 },
  { topic: 'orders', partition: 1, offset: 2 },
]

async function makeStaleGroup(broker: CellBroker): Promise<void> {
  await fill(broker, 10, 2)
  await broker.admin.setGroupOffsets('stale', stale)
}

const adminGroups: Scenario = {
  title: 'admin: groups',
  action: 'admin-groups',
  partitions: 2,
  prepare: makeStaleGroup,
  verify({ listed, state, offset, deleted = true }, { broker }) {
    assert.deepEqual(listed, ['stale'])
    assert.equal(state.toLowerCase(), 'empty')
    assert.equal(offset, 3)
    // Some cannot delete a group.
    assert.equal(broker.groups.has('stale'), !deleted)
  },
}

const adminOffsets: Scenario = {
  title: "admin: set a group's offsets",
  action: 'admin-offsets',
  partitions: 2,
  prepare: makeStaleGroup,
  verify(_told, { broker }) {
    assert.equal(broker.group('stale').committed({ topic: 'orders', partition: 0 })?.offset, 1)
  },
}

const adminDeleteOffsets: Scenario = {
  title: "admin: delete a group's offsets",
  action: 'admin-delete-offsets',
  partitions: 2,
  prepare: makeStaleGroup,
  verify(_told, { broker }) {
    assert.equal(broker.group('stale').committed({ topic: 'orders', partition: 0 })?.offset, 3)
    assert.equal(broker.group('stale').committed({ topic: 'orders', partition: 1 }), null)
  },
}

const adminConfigs: Scenario = {
  title: 'admin: configs',
  action: 'admin-configs',
  verify({ before, after }, { broker }) {
    assert.deepEqual({ before, after }, { before: '604800000', after: '120000' })
    assert.equal(broker.topic('orders').options.retentionMs, 120_000)
  },
}

const adminRecords: Scenario = {
  title: 'admin: delete records',
  action: 'admin-records',
  partitions: 1,
  prepare: broker => fill(broker, 10, 1),
  verify: (_told, { broker }) => assert.equal(broker.topic('orders').partitions[0]!.logStartOffset, 4),
}

/** The client writes `count` records to partition 0 and reads them back. */
function roundTrip(
  title: string,
  count: number,
  more: Partial<Scenario> & Pick<Scenario, 'action'>,
): Scenario {
  return {
    title,
    partitions: 1,
    ...more,
    async verify(told, cell) {
      const expected = Array.from({ length: count }, (_, i) => `value ${i} `.repeat(10))
      assert.deepEqual(told.values, expected)
      assert.deepEqual(valuesOf(cell.broker, 'orders'), expected)
      await more.verify?.(told, cell)
    },
  }
}

const codec = (name: 'gzip' | 'snappy' | 'lz4' | 'zstd') =>
  roundTrip(`${name}: produce and consume`, 50, {
    action: 'codec',
    argument: name,
    taps: true,
    verify: (_told, { compression }) => assert.deepEqual(compression(), [name]),
  })

export const credentials = { user: 'ada', password: 'secret' }
const tlsFolder = new URL('../server/tls/', import.meta.url)
export const certificate = new URL('cert.pem', tlsFolder)

const sasl = (mechanism: SaslMechanism) =>
  roundTrip(`SASL ${mechanism}`, 1, {
    action: 'sasl',
    argument: mechanism,
    serve: { sasl: { users: { [credentials.user]: credentials.password }, mechanisms: [mechanism] } },
  })

const tls = roundTrip('TLS', 1, {
  action: 'tls',
  serve: { tls: { key: readFileSync(new URL('key.pem', tlsFolder)), cert: readFileSync(certificate) } },
})

/** The rows of the matrix. */
export const scenarios: readonly Scenario[] = [
  produce,
  consume('classic'),
  rebalance('classic'),
  seek,
  offsets,
  reset,
  transactions,
  adminTopics,
  adminRecords,
  adminConfigs,
  adminGroups,
  adminOffsets,
  adminDeleteOffsets,
  ...(['gzip', 'snappy', 'lz4', 'zstd'] as const).map(codec),
  ...(['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512'] as const).map(sasl),
  tls,
  consume('consumer'),
  rebalance('consumer'),
  share('consumer'),
  share('classic'),
]
