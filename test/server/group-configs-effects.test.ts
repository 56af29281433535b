import { describe, expect, it } from 'vitest'
import { GroupConfigs } from '../../src/server/group-configs.ts'
import { connect } from '../../src/server/index.ts'
import { apis } from '../../src/server/protocol/apis.ts'
import type { Api } from '../../src/server/protocol/message.ts'
import { WireClient } from '../helpers/wire-client.ts'
import { group, start } from './group-configs-scene.ts'

const { deleteGroups, describeConfigs } = apis as unknown as Readonly<Record<string, Api>>

describe("what a group's configs say", () => {
  it('counts for its members with their next heartbeat', async () => {
    const { broker, set, join, beat } = start({
      consumerSessionTimeoutMs: 1000,
      consumerHeartbeatIntervalMs: 50,
    })
    expect(await join('a')).toMatchObject({ heartbeatIntervalMs: 50 })
    await set('consumer.session.timeout.ms', '5000')
    await set('consumer.heartbeat.interval.ms', '400')
    expect(await beat('a', 2)).toMatchObject({ heartbeatIntervalMs: 400 })
    await broker.advance(4999)
    expect(broker.group('g').members).toHaveLength(1)
    await broker.advance(1)
    expect(broker.group('g').members).toEqual([])
  })

  it('counts for the place of a static member that comes back', async () => {
    const { broker, set, join, beat } = start({
      consumerSessionTimeoutMs: 1000,
      consumerHeartbeatIntervalMs: 50,
    })
    await set('consumer.session.timeout.ms', '5000')
    await join('a', { instanceId: 'one' })
    await beat('a', -2, { instanceId: 'one' })
    await broker.advance(4999)
    expect(broker.group('g').members).toHaveLength(1)
    await broker.advance(1)
    expect(broker.group('g').members).toEqual([])
  })

  it('outlasts the group', async () => {
    const { broker, client, set, value, list } = start()
    broker.createGroup('g', { topics: ['orders'] })
    await set('share.delivery.count.limit', '3')
    expect((await client.call(deleteGroups!, 2, { groupsNames: ['g'] })).results).toMatchObject([
      { errorCode: 0 },
    ])
    expect(await value('share.delivery.count.limit')).toBe('3')
    expect(await list(1, group)).toEqual([[group, 'g']])
  })

  it('counts whichever server of its broker a client is connected to', async () => {
    const { broker, set } = start()
    await set('consumer.heartbeat.interval.ms', '9000')
    const other = new WireClient(connect(broker))
    const resources = [
      { resourceType: group, resourceName: 'g', configurationKeys: ['consumer.heartbeat.interval.ms'] },
    ]
    const { results } = await other.call(describeConfigs!, 4, { resources })
    expect(results[0].configs).toMatchObject([{ value: '9000' }])
  })

  it('is what share groups go by', () => {
    const configs = new GroupConfigs({ shareHeartbeatIntervalMs: 50 })
    const asGiven = (own: Readonly<Record<string, string | null>>) => {
      configs.become('g', configs.altered('g', { named: new Map(Object.entries(own)), replaces: false }))
      return configs.get('g')
    }
    const unchanged = {
      shareSessionTimeoutMs: 45_000,
      shareHeartbeatIntervalMs: 50,
      shareRecordLockDurationMs: 30_000,
      shareDeliveryCountLimit: 5,
      sharePartitionMaxRecordLocks: 2000,
      shareAutoOffsetReset: 'latest',
      shareIsolationLevel: 'read_uncommitted',
      shareRenewAcknowledgeEnable: true,
    }
    expect(configs.get('g')).toMatchObject(unchanged)
    expect(
      asGiven({
        'share.session.timeout.ms': '50000',
        'share.heartbeat.interval.ms': '60',
        'share.record.lock.duration.ms': '15000',
        'share.delivery.count.limit': '2',
        'share.partition.max.record.locks': '100',
        'share.auto.offset.reset': 'earliest',
        'share.isolation.level': 'read_committed',
        'share.renew.acknowledge.enable': 'false',
      }),
    ).toMatchObject({
      shareSessionTimeoutMs: 50_000,
      shareHeartbeatIntervalMs: 60,
      shareRecordLockDurationMs: 15_000,
      shareDeliveryCountLimit: 2,
      sharePartitionMaxRecordLocks: 100,
      shareAutoOffsetReset: 'earliest',
      shareIsolationLevel: 'read_committed',
      shareRenewAcknowledgeEnable: false,
    })
    expect(configs.get('other')).toMatchObject(unchanged)
  })

  // As java.time.Duration reads it.
  it.each([
    ['PT1H', 3_600_000],
    ['P1D', 86_400_000],
    ['pt1h', 3_600_000],
    ['P1DT2H3M4.5S', 93_784_500],
    ['PT0S', 0],
    ['PT2.S', 2000],
    ['PT1,25S', 1250],
    ['PT1.123456789S', 1123],
    ['PT1H-1M', 3_540_000],
    ['-PT-1H', 3_600_000],
    ['P106751991167300D', Number.MAX_SAFE_INTEGER],
  ])('begins so long ago where it says by_duration:%s', (duration, durationMs) => {
    const configs = new GroupConfigs({})
    const changes = new Map([['share.auto.offset.reset', `by_duration:${duration}`]])
    configs.become('g', configs.altered('g', { named: changes, replaces: false }))
    expect(configs.get('g').shareAutoOffsetReset).toEqual({ durationMs })
  })

  it.each([
    '',
    'PT',
    'P',
    'PT-1H',
    '1h',
    'P1Y',
    'P1W',
    ' PT1H',
    'PT.5S',
    'P99999999999999999999D',
    `P${'9'.repeat(31)}D`,
  ])('is refused where a duration is %j', async duration => {
    const { set } = start()
    expect(await set('share.auto.offset.reset', `by_duration:${duration}`)).toEqual([40, expect.any(String)])
  })
})
