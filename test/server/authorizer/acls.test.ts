import { describe, expect, it } from 'vitest'
import type { Acl } from '../../../src/server/index.ts'
import { allow, authorizerScenes } from './authorizer-scene.ts'

const start = authorizerScenes()
const [invalidRequest, clusterDenied] = [42, 31]

const resourceTypes = { any: 1, topic: 2, group: 3, cluster: 4 }
const patternTypes = { any: 1, match: 2, literal: 3, prefixed: 4 }
const operations = { any: 1, all: 2, read: 3, write: 4 }
const permissionTypes = { any: 1, deny: 2, allow: 3 }

const everything = {
  resourceTypeFilter: resourceTypes.any,
  resourceNameFilter: null,
  patternTypeFilter: patternTypes.any,
  principalFilter: null,
  hostFilter: null,
  operation: operations.any,
  permissionType: permissionTypes.any,
}

const readOrders = {
  resourceType: resourceTypes.topic,
  resourceName: 'orders',
  resourcePatternType: patternTypes.literal,
  principal: 'User:ada',
  host: '*',
  operation: operations.read,
  permissionType: permissionTypes.allow,
}

function administered(acls: readonly Acl[] = []) {
  const { as, ...scene } = start(acls)
  const create = async (...creations: readonly object[]) =>
    (await as('admin', 'CreateAcls', { creations })).results.map(({ errorCode }: any) => errorCode)
  /** A line for each access list that a filter selects. */
  const told = async (filter: object = {}, version = 3) => {
    const { errorCode, resources } = await as('admin', 'DescribeAcls', { ...everything, ...filter }, version)
    if (errorCode !== 0) return errorCode
    return resources.flatMap(({ resourceName, patternType, acls: own }: any) =>
      own.map(({ principal, operation }: any) => `${resourceName} ${patternType} ${principal} ${operation}`),
    )
  }
  const remove = async (...filters: readonly object[]) => {
    const asked = filters.map(each => ({ ...everything, ...each }))
    const { filterResults } = await as('admin', 'DeleteAcls', { filters: asked })
    return filterResults.map(({ errorCode, matchingAcls }: any) => [errorCode, matchingAcls.length])
  }
  return { as, create, told, remove, ...scene }
}

describe('access lists', () => {
  it('are created, each once, described and deleted, in each version', async () => {
    const { create, told, remove } = administered()
    expect(await create(readOrders, readOrders, { ...readOrders, operation: operations.write })).toEqual([
      0, 0, 0,
    ])
    for (const version of [1, 2, 3]) {
      expect(await told({}, version)).toEqual(['orders 3 User:ada 3', 'orders 3 User:ada 4'])
    }
    expect(await remove({ operation: operations.read }, {})).toEqual([
      [0, 1],
      [0, 2],
    ])
    expect(await told()).toEqual([])
  })

  it('are there from the beginning if the server was given them, with their defaults', async () => {
    const { as } = administered([allow('READ', 'TOPIC', 'orders'), allow('ALTER', 'CLUSTER')])
    const { resources } = await as('admin', 'DescribeAcls', everything)
    const own = { principal: 'User:ada', host: '*', permissionType: permissionTypes.allow }
    expect(resources).toMatchObject([
      { resourceType: 2, resourceName: 'orders', patternType: patternTypes.literal, acls: [own] },
      { resourceType: 4, resourceName: 'kafka-cluster', patternType: patternTypes.literal, acls: [own] },
    ])
  })

  it('are selected by what they say, and by the resources that they are about', async () => {
    const { told } = administered([
      allow('READ', 'TOPIC', 'orders'),
      { ...allow('READ', 'TOPIC', 'ord'), patternType: 'PREFIXED' },
      { ...allow('WRITE', 'TOPIC', '*'), principal: 'User:bo' },
      { ...allow('READ', 'GROUP', 'orders'), host: '10.0.0.1', permissionType: 'DENY' },
    ])
    const [orders, ord, all, group] = [
      'orders 3 User:ada 3',
      'ord 4 User:ada 3',
      '* 3 User:bo 4',
      'orders 3 User:ada 3',
    ]
    expect(await told()).toEqual([orders, ord, all, group])
    expect(await told({ resourceTypeFilter: resourceTypes.group })).toEqual([group])
    expect(await told({ resourceNameFilter: 'orders' })).toEqual([orders, group])
    expect(await told({ patternTypeFilter: patternTypes.prefixed })).toEqual([ord])
    expect(await told({ patternTypeFilter: patternTypes.prefixed, resourceNameFilter: 'orders' })).toEqual([])
    const match = { resourceTypeFilter: resourceTypes.topic, patternTypeFilter: patternTypes.match }
    expect(await told({ ...match, resourceNameFilter: 'orders' })).toEqual([orders, ord, all])
    expect(await told({ ...match, resourceNameFilter: 'other' })).toEqual([all])
    expect(await told(match)).toEqual([orders, ord, all])
    expect(await told({ principalFilter: 'User:bo' })).toEqual([all])
    expect(await told({ hostFilter: '10.0.0.1' })).toEqual([group])
    expect(await told({ operation: operations.write })).toEqual([all])
    expect(await told({ permissionType: permissionTypes.deny })).toEqual([group])
  })

  it.each([
    ['a resource without a name', { resourceName: '' }],
    ['a type of resource that there is not', { resourceType: 99 }],
    ['any type of resource', { resourceType: resourceTypes.any }],
    ['another cluster', { resourceType: resourceTypes.cluster, resourceName: 'orders' }],
    ['names that match', { resourcePatternType: patternTypes.match }],
    ['any operation', { operation: operations.any }],
    ['any permission', { permissionType: permissionTypes.any }],
    ['a principal without a type', { principal: 'ada' }],
    ['no host', { host: '' }],
    ['a subnet without a length', { host: '10.0.0.0/' }],
    ['a subnet with more bits than an address has', { host: '10.0.0.0/33' }],
    ['a subnet of IPv6 with more bits than an address has', { host: '::/129' }],
    ['a subnet of half an address', { host: '10.0.0/8' }],
    ['a subnet by its mask', { host: '10.0.0.0/255.0.0.0' }],
    ['a subnet of names', { host: 'localhost/8' }],
  ])('are refused one by one: %s', async (_, wrong) => {
    const { create, told } = administered()
    expect(await create({ ...readOrders, ...wrong }, readOrders)).toEqual([invalidRequest, 0])
    expect(await told()).toEqual(['orders 3 User:ada 3'])
  })

  it('are of a subnet, and selected by its very words', async () => {
    const { told, create } = administered()
    const hosts = ['10.0.0.0/8', '10.0.0.1', '2001:db8::/32', 'somewhere']
    expect(await create(...hosts.map(host => ({ ...readOrders, host })))).toEqual([0, 0, 0, 0])
    expect(await told()).toHaveLength(4)
    for (const hostFilter of hosts) expect(await told({ hostFilter })).toHaveLength(1)
    expect(await told({ hostFilter: '10.0.0.0/9' })).toEqual([])
  })

  it('are not selected by what nobody knows', async () => {
    const { told, remove, create } = administered()
    await create(readOrders)
    // A client of a later Kafka may ask for what there is only then: there is none of it here.
    for (const field of ['resourceTypeFilter', 'patternTypeFilter', 'operation', 'permissionType']) {
      expect(await told({ [field]: 99 })).toEqual([])
      expect(await told({ [field]: 0 })).toBe(invalidRequest)
      expect(await remove({ [field]: 99 }, { [field]: 0 })).toEqual([
        [invalidRequest, 0],
        [invalidRequest, 0],
      ])
    }
    expect(await told()).toHaveLength(1)
  })

  it('are shown to those who may describe the cluster, and changed by those who may alter it', async () => {
    const { ask } = administered([allow('DESCRIBE', 'CLUSTER')])
    expect(await ask('DescribeAcls', everything)).toMatchObject({ errorCode: 0 })
    const results = [{ errorCode: clusterDenied }]
    expect(await ask('CreateAcls', { creations: [readOrders] })).toMatchObject({ results })
    expect(await ask('DeleteAcls', { filters: [everything] })).toMatchObject({ filterResults: results })
  })

  it('count at once', async () => {
    const { ask, create, remove } = administered()
    const read = async () =>
      (await ask('ListOffsets', { topics: [{ name: 'orders', partitions: [{ timestamp: -1 }] }] })).topics[0]
        .partitions[0].errorCode
    expect(await read()).toBe(29)
    await create(readOrders)
    expect(await read()).toBe(0)
    await remove({})
    expect(await read()).toBe(29)
  })
})
