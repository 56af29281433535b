import { describe, expect, it } from 'vitest'
import { group, start } from './group-configs-scene.ts'

// As Apache Kafka 4.4.0 tells them of a group that nobody has heard of.
const defaults = [
  ['consumer.session.timeout.ms', '45000', 3, 'group.consumer.session.timeout.ms'],
  ['consumer.heartbeat.interval.ms', '5000', 3, 'group.consumer.heartbeat.interval.ms'],
  ['consumer.assignment.interval.ms', '1000', 3, 'group.consumer.assignment.interval.ms'],
  ['share.session.timeout.ms', '45000', 3, 'group.share.session.timeout.ms'],
  ['share.heartbeat.interval.ms', '5000', 3, 'group.share.heartbeat.interval.ms'],
  ['share.record.lock.duration.ms', '30000', 3, 'group.share.record.lock.duration.ms'],
  ['share.delivery.count.limit', '5', 3, 'group.share.delivery.count.limit'],
  ['share.partition.max.record.locks', '2000', 3, 'group.share.partition.max.record.locks'],
  ['share.auto.offset.reset', 'latest', 2, 'share.auto.offset.reset'],
  ['share.isolation.level', 'read_uncommitted', 2, 'share.isolation.level'],
  ['share.renew.acknowledge.enable', 'true', 1, 'share.renew.acknowledge.enable'],
  ['share.assignment.interval.ms', '1000', 3, 'group.share.assignment.interval.ms'],
  ['streams.session.timeout.ms', '45000', 3, 'group.streams.session.timeout.ms'],
  ['streams.heartbeat.interval.ms', '5000', 3, 'group.streams.heartbeat.interval.ms'],
  ['streams.num.standby.replicas', '0', 3, 'group.streams.num.standby.replicas'],
  ['streams.assignment.interval.ms', '1000', 3, 'group.streams.assignment.interval.ms'],
  ['errors.deadletterqueue.topic.name', '', 2, 'errors.deadletterqueue.topic.name'],
  ['errors.deadletterqueue.copy.record.enable', 'false', 1, 'errors.deadletterqueue.copy.record.enable'],
  ['streams.assignor.name', 'sticky', 2, 'group.streams.assignors'],
  ['streams.rack.aware.assignment.tags', '', 7, 'group.streams.rack.aware.assignment.tags'],
] as const

// The one that the server says otherwise: it is quick.
const delay = 'streams.initial.rebalance.delay.ms'

describe('DescribeConfigs of a group', () => {
  it("tells Kafka's defaults, also of a group that is not there", async () => {
    const { describeAll } = start()
    const { errorCode, configs } = await describeAll()
    expect(errorCode).toBe(0)
    expect(configs.filter(({ name }: { name: string }) => name !== delay)).toEqual(
      defaults.map(([name, value, configType, inherited]) => ({
        name,
        value,
        readOnly: false,
        configSource: 5,
        isSensitive: false,
        configType,
        synonyms: [{ name: inherited, value, source: 5 }],
        documentation: null,
      })),
    )
  })

  it.each(['consumer', 'share', 'streams'])(
    'tells whether %s groups are assigned elsewhere if it is set',
    async kind => {
      const { set, config } = start()
      const name = `${kind}.assignor.offload.enable`
      expect(await config(name)).toBeUndefined()
      expect((await set(name, 'no'))[0]).toBe(40)
      expect(await set(name, 'False')).toEqual([0, null])
      expect(await config(name)).toMatchObject({
        value: 'false',
        configSource: 8,
        synonyms: [
          { name, value: 'false', source: 8 },
          { name: `group.${name}`, value: 'true', source: 5 },
        ],
      })
      expect(await set(name, null)).toEqual([42, expect.any(String)])
    },
  )

  it('tells how long the first member of a streams group waits, as the server says', async () => {
    const inherited = `group.${delay}`
    expect(await start().config(delay)).toMatchObject({
      value: '0',
      configSource: 4,
      synonyms: [
        { name: inherited, value: '0', source: 4 },
        { name: inherited, value: '3000', source: 5 },
      ],
    })
    expect(await start({ initialRebalanceDelayMs: 200 }).value(delay)).toBe('200')
  })

  it('tells how often a share group delivers a record, as the server says', async () => {
    const { value, set } = start({ shareDeliveryCountLimit: 20 })
    expect(await value('share.delivery.count.limit')).toBe('20')
    expect(await set('share.delivery.count.limit', '15')).toEqual([0, null])
    expect((await set('share.delivery.count.limit', '21'))[0]).toBe(40)
  })

  it('tells what the group was given, before what the server says and what Kafka does', async () => {
    const { set, config } = start({ consumerSessionTimeoutMs: 50_000 })
    const ofServer = { name: 'group.consumer.session.timeout.ms', value: '50000', source: 4 }
    const ofKafka = { name: 'group.consumer.session.timeout.ms', value: '45000', source: 5 }
    expect(await config('consumer.session.timeout.ms')).toMatchObject({
      value: '50000',
      configSource: 4,
      synonyms: [ofServer, ofKafka],
    })
    expect(await set('consumer.session.timeout.ms', '46000')).toEqual([0, null])
    expect(await config('consumer.session.timeout.ms')).toMatchObject({
      value: '46000',
      configSource: 8,
      synonyms: [{ name: 'consumer.session.timeout.ms', value: '46000', source: 8 }, ofServer, ofKafka],
    })
    expect(await config('consumer.session.timeout.ms', { includeSynonyms: false })).toMatchObject({
      synonyms: [],
    })
    expect(await config('consumer.session.timeout.ms', { includeDocumentation: true })).toMatchObject({
      documentation: expect.stringContaining('milliseconds'),
    })
  })

  it('refuses one without a name', async () => {
    const { describeAll } = start()
    expect(await describeAll(group, '')).toMatchObject({
      errorCode: 42,
      errorMessage: 'Group name must not be empty',
      configs: [],
    })
  })
})

describe('IncrementalAlterConfigs of a group', () => {
  it('sets and takes back what it names, and leaves the rest and other groups', async () => {
    const { alter, value, describeAll } = start()
    expect(
      await alter([
        ['share.delivery.count.limit', 'set', '3'],
        ['share.auto.offset.reset', 'set', 'earliest'],
      ]),
    ).toEqual([0, null])
    expect(await alter([['share.delivery.count.limit', 'delete']])).toEqual([0, null])
    expect(await value('share.delivery.count.limit')).toBe('5')
    expect(await value('share.auto.offset.reset')).toBe('earliest')
    const others = (await describeAll(group, 'other')).configs
    expect(others.some(({ configSource }: { configSource: number }) => configSource === 8)).toBe(false)
  })

  it.each([
    ['consumer.heartbeat.interval.ms', '+7000', '7000'],
    ['consumer.session.timeout.ms', ' 50000 ', '50000'],
    ['consumer.assignment.interval.ms', '0', '0'],
    ['share.renew.acknowledge.enable', 'FALSE', 'false'],
    ['share.isolation.level', 'read_committed', 'read_committed'],
    ['share.auto.offset.reset', ' earliest ', 'earliest'],
    ['share.auto.offset.reset', 'by_duration:pt1h', 'by_duration:pt1h'],
    ['share.record.lock.duration.ms', '15000', '15000'],
    ['share.partition.max.record.locks', '4000', '4000'],
    ['share.delivery.count.limit', '10', '10'],
    ['streams.session.timeout.ms', '60000', '60000'],
    ['streams.heartbeat.interval.ms', '15000', '15000'],
    ['streams.num.standby.replicas', '2', '2'],
    ['streams.initial.rebalance.delay.ms', '100000', '100000'],
    ['streams.assignment.interval.ms', '0', '0'],
    ['streams.assignor.name', ' sticky ', 'sticky'],
    ['streams.rack.aware.assignment.tags', ' zone , rack ', 'zone,rack'],
    ['streams.rack.aware.assignment.tags', ' ', ''],
    // Told only of a group that has them.
    ['streams.task.offset.interval.ms', '15000', '15000'],
    ['streams.num.warmup.replicas', '20', '20'],
    ['streams.acceptable.recovery.lag', '9223372036854775807', '9223372036854775807'],
    ['streams.assignor.offload.enable', 'false', 'false'],
  ])('takes %s %s, and tells it as %s', async (name, text, told) => {
    const { set, value } = start()
    expect(await set(name, text)).toEqual([0, null])
    expect(await value(name)).toBe(told)
  })

  it.each([
    [
      'consumer.session.timeout.ms',
      '44999',
      'must be greater than or equal to group.consumer.min.session.timeout.ms',
    ],
    [
      'consumer.session.timeout.ms',
      '60001',
      'must be less than or equal to group.consumer.max.session.timeout.ms',
    ],
    ['consumer.session.timeout.ms', '0', 'Value must be at least 1'],
    [
      'consumer.session.timeout.ms',
      'soon',
      'Invalid value soon for configuration consumer.session.timeout.ms: Not a number of type INT',
    ],
    ['consumer.session.timeout.ms', '1e5', 'Not a number of type INT'],
    ['consumer.session.timeout.ms', '2147483648', 'Not a number of type INT'],
    ['consumer.session.timeout.ms', '', 'Not a number of type INT'],
    ['consumer.heartbeat.interval.ms', '4999', 'group.consumer.min.heartbeat.interval.ms'],
    ['consumer.heartbeat.interval.ms', '15001', 'group.consumer.max.heartbeat.interval.ms'],
    ['consumer.assignment.interval.ms', '15001', 'group.consumer.max.assignment.interval.ms'],
    ['share.session.timeout.ms', '44999', 'group.share.min.session.timeout.ms'],
    ['share.heartbeat.interval.ms', '15001', 'group.share.max.heartbeat.interval.ms'],
    ['share.record.lock.duration.ms', '999', 'Value must be at least 1000'],
    ['share.record.lock.duration.ms', '14999', 'group.share.min.record.lock.duration.ms'],
    ['share.delivery.count.limit', '1', 'Value must be at least 2'],
    ['share.delivery.count.limit', '11', 'group.share.max.delivery.count.limit'],
    ['share.partition.max.record.locks', '99', 'Value must be at least 100'],
    ['share.partition.max.record.locks', '4001', 'group.share.max.partition.max.record.locks'],
    ['share.auto.offset.reset', 'LATEST', "either 'earliest', 'latest' or of the format 'by_duration:"],
    ['share.auto.offset.reset', 'by_duration:-PT1H', 'by_duration:<PnDTnHnMn.nS>'],
    ['share.isolation.level', 'READ_COMMITTED', 'String must be one of: read_committed, read_uncommitted'],
    ['share.renew.acknowledge.enable', '1', 'Expected value to be either true or false'],
    [
      'share.record.lock.duration',
      '20000',
      "Unknown group config name: share.record.lock.duration. Did you mean 'share.record.lock.duration.ms'",
    ],
    ['streams.session.timeout.ms', '44999', 'group.streams.min.session.timeout.ms'],
    ['streams.heartbeat.interval.ms', '15001', 'group.streams.max.heartbeat.interval.ms'],
    ['streams.num.standby.replicas', '3', 'group.streams.max.standby.replicas'],
    ['streams.num.standby.replicas', '-1', 'Value must be at least 0'],
    ['streams.initial.rebalance.delay.ms', '-1', 'Value must be at least 0'],
    ['streams.assignment.interval.ms', '15001', 'group.streams.max.assignment.interval.ms'],
    ['errors.deadletterqueue.topic.name', ' __x', "name: DLQ topic name must not start with '__'"],
    ['errors.deadletterqueue.copy.record.enable', 'yes', 'Expected value to be either true or false'],
    ['streams.assignor.name', 'uniform', 'Registered assignors are: [sticky]'],
    ['streams.rack.aware.assignment.tags', 'zone,rack,zone', 'must not be duplicated'],
    ['streams.rack.aware.assignment.tags', 'zone,,rack', 'must not be empty'],
    ['streams.task.offset.interval.ms', '14999', 'group.streams.min.task.offset.interval.ms'],
    ['streams.num.warmup.replicas', '21', 'group.streams.max.warmup.replicas'],
    ['streams.acceptable.recovery.lag', '-1', 'Value must be at least 0'],
  ])('refuses %s %s as Kafka does, and changes nothing', async (name, text, message) => {
    const { alter, value } = start()
    expect(
      await alter([
        ['share.assignment.interval.ms', 'set', '5'],
        [name, 'set', text],
      ]),
    ).toEqual([40, expect.stringContaining(message)])
    expect(await value('share.assignment.interval.ms')).toBe('1000')
  })

  it('lets a group go as far as the server does', async () => {
    const { set, value, describeAll } = start({ shareRecordLockDurationMs: 2000 })
    expect(await set('share.record.lock.duration.ms', '1999')).toEqual([
      40,
      expect.stringContaining('min.record.lock.duration.ms (2000), received 1999'),
    ])
    expect(await set('share.record.lock.duration.ms', '5000')).toEqual([0, null])
    expect(await value('share.record.lock.duration.ms')).toBe('5000')
    const { configs } = await describeAll(4, '1')
    const ofBroker = (name: string) => configs.find((each: { name: string }) => each.name === name).value
    expect(ofBroker('group.share.record.lock.duration.ms')).toBe('2000')
    expect(ofBroker('group.share.min.record.lock.duration.ms')).toBe('2000')
    expect(ofBroker('group.share.max.record.lock.duration.ms')).toBe('60000')
  })

  it('refuses a session that ends before the next heartbeat', async () => {
    const { alter, set } = start({ consumerSessionTimeoutMs: 6000, consumerHeartbeatIntervalMs: 50 })
    const refused = [
      40,
      expect.stringContaining('must be greater than consumer.heartbeat.interval.ms (6000)'),
    ]
    expect(await set('consumer.heartbeat.interval.ms', '6000')).toEqual(refused)
    expect(await set('consumer.heartbeat.interval.ms', '5999')).toEqual([0, null])
    expect(
      await alter([
        ['consumer.heartbeat.interval.ms', 'set', '6000'],
        ['consumer.session.timeout.ms', 'set', '6001'],
      ]),
    ).toEqual([0, null])
  })

  it('adds nothing to what is no list, and sets nothing without a value', async () => {
    const { alter, set } = start()
    const name = 'share.auto.offset.reset'
    expect(await alter([[name, 'append', 'latest']])).toEqual([
      40,
      `Can't APPEND to key ${name} because its type is not LIST.`,
    ])
    expect(await alter([[name, 'subtract', 'latest']])).toEqual([40, expect.stringContaining('SUBTRACT')])
    expect(await set(name, null)).toEqual([42, expect.stringContaining('Null value not supported')])
    const twice = [name, 'set', 'earliest'] as const
    expect(await alter([twice, twice])).toEqual([42, expect.stringContaining('named twice')])
  })

  it('takes away what there never was', async () => {
    const { alter, list } = start()
    expect(await alter([['nope', 'delete']])).toEqual([0, null])
    expect(await alter([])).toEqual([0, null])
    expect(await list(1, group)).toEqual([])
  })

  it('only says whether it would', async () => {
    const { alter, list } = start()
    const would = (value: string) =>
      alter([['consumer.session.timeout.ms', 'set', value]], { validateOnly: true })
    expect(await would('50000')).toEqual([0, null])
    expect(await would('1')).toEqual([40, expect.any(String)])
    expect(await list(1, group)).toEqual([])
  })

  it('refuses a group without a name', async () => {
    const { alter } = start()
    expect(await alter([['consumer.session.timeout.ms', 'set', '50000']], { name: '' })).toEqual([
      42,
      'Group name must not be empty',
    ])
  })
})

it('AlterConfigs makes everything the default again that it does not name', async () => {
  const { set, replace, value } = start()
  await set('share.delivery.count.limit', '3')
  expect(await replace({ 'share.auto.offset.reset': 'earliest' }, { validateOnly: true })).toEqual([0, null])
  expect(await value('share.delivery.count.limit')).toBe('3')
  expect(await replace({ 'share.auto.offset.reset': 'earliest' })).toEqual([0, null])
  expect(await value('share.delivery.count.limit')).toBe('5')
  expect(await value('share.auto.offset.reset')).toBe('earliest')
  expect(await replace({ nope: '1' })).toEqual([40, 'Unknown group config name: nope'])
  expect(await replace({ 'share.auto.offset.reset': null })).toEqual([42, expect.any(String)])
  expect(await value('share.auto.offset.reset')).toBe('earliest')
})

describe('ListConfigResources', () => {
  it('tells of topics, of brokers and of groups that were given configs', async () => {
    const { set, list } = start()
    await set('share.delivery.count.limit', '3')
    expect(await list(1)).toEqual([
      [2, 'orders'],
      [4, '1'],
      [8, '1'],
      [group, 'g'],
    ])
    expect(await list(1, group, group)).toEqual([[group, 'g']])
    expect(await list(1, 2, 4)).toEqual([
      [2, 'orders'],
      [4, '1'],
    ])
    await set('share.delivery.count.limit', '4')
    expect(await list(1, group)).toEqual([[group, 'g']])
  })

  it('tells of a group no more once it has no configs left', async () => {
    const { alter, set, list } = start()
    await set('share.delivery.count.limit', '3')
    await alter([['share.delivery.count.limit', 'delete']])
    expect(await list(1, group)).toEqual([])
  })

  it('refuses kinds that have no configs', async () => {
    const { list } = start()
    for (const type of [0, 1, 3, 64, -1]) expect(await list(1, 2, type)).toBe(35)
  })
})
