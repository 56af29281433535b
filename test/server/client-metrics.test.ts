import { expect, it } from 'vitest'
import { apis } from '../../src/server/protocol/apis.ts'
import type { Api } from '../../src/server/protocol/message.ts'
import { wireScenes } from '../helpers/wire-scene.ts'

const { alterConfigs, apiVersions, describeConfigs, incrementalAlterConfigs, listConfigResources } =
  apis as unknown as Readonly<Record<string, Api>>

const scene = wireScenes()
const resourceType = 16
const [set, deleted, append] = [0, 1, 2]
const invalidConfig = 40
const invalidRequest = 42
const ofDefault = 5
const ofSubscription = 7

type Change = readonly [name: string, operation: number, value?: string | null]

function start() {
  const { client } = scene()
  const alter = async (changes: readonly Change[], { name = 'slow', validateOnly = false } = {}) => {
    const configs = changes.map(([config, configOperation, value = null]) => ({
      name: config,
      configOperation,
      value,
    }))
    const resources = [{ resourceType, resourceName: name, configs }]
    const { responses } = await client.call(incrementalAlterConfigs!, 1, { resources, validateOnly })
    return responses[0].errorCode
  }
  const replace = async (configs: readonly { name: string; value: string | null }[]) => {
    const resources = [{ resourceType, resourceName: 'slow', configs }]
    return (await client.call(alterConfigs!, 2, { resources })).responses[0].errorCode
  }
  const describe = async (name = 'slow') => {
    const resources = [{ resourceType, resourceName: name, configurationKeys: null }]
    const { results } = await client.call(describeConfigs!, 4, { resources, includeSynonyms: true })
    return results[0].configs.map((each: any) => [
      each.name,
      each.value,
      each.configSource,
      each.synonyms.length,
    ])
  }
  const values = async () => (await describe()).map(([name, value]: string[]) => [name, value])
  const list = async (version = 1) => {
    const asked = { resourceTypes: [resourceType] }
    const { configResources } = await client.call(listConfigResources!, version, asked)
    return configResources.map(({ resourceName }: { resourceName: string }) => resourceName)
  }
  return { client, alter, replace, describe, values, list }
}

it('keeps what administrators set, tells it, and forgets a subscription without configs', async () => {
  const { alter, describe, values, list } = start()
  expect(await list()).toEqual([])
  const changes: readonly Change[] = [
    ['interval.ms', set, ' 1000 '],
    ['match', set, 'client_id=shop-.*,client_software_name=apache-kafka-java'],
  ]
  expect(await alter(changes, { validateOnly: true })).toBe(0)
  expect(await list()).toEqual([])
  expect(await alter(changes)).toBe(0)
  expect(await list()).toEqual(['slow'])
  expect(await list(0)).toEqual(['slow'])
  expect(await describe()).toEqual([
    ['interval.ms', '1000', ofSubscription, 1],
    ['match', 'client_id=shop-.*,client_software_name=apache-kafka-java', ofSubscription, 1],
    ['metrics', '', ofDefault, 0],
  ])
  const others: readonly Change[] = [
    ['match', deleted],
    ['nothing', deleted],
    ['metrics', set, '*'],
  ]
  expect(await alter(others)).toBe(0)
  expect(await values()).toEqual([
    ['interval.ms', '1000'],
    ['match', ''],
    ['metrics', '*'],
  ])
  const all: readonly Change[] = [
    ['interval.ms', deleted],
    ['metrics', deleted],
  ]
  expect(await alter(all)).toBe(0)
  expect(await list()).toEqual([])
})

it('describes a subscription that is not there by its defaults', async () => {
  const { describe } = start()
  expect(await describe('nothing')).toEqual([
    ['interval.ms', '300000', ofDefault, 0],
    ['match', '', ofDefault, 0],
    ['metrics', '', ofDefault, 0],
  ])
})

it.each<[string, string | null, number]>([
  ['interval.ms', '99', invalidRequest],
  ['interval.ms', '3600001', invalidRequest],
  ['interval.ms', 'soon', invalidConfig],
  ['interval.ms', null, invalidRequest],
  ['match', 'client_id', invalidConfig],
  ['match', 'client_id=a=b', invalidConfig],
  ['match', 'client_id=[', invalidConfig],
  ['match', 'client_name=a', invalidConfig],
  ['nothing', '1', invalidRequest],
])('refuses %s set to %j', async (name, value, errorCode) => {
  const { alter, list } = start()
  expect(await alter([[name, set, value]])).toBe(errorCode)
  expect(await list()).toEqual([])
})

// Names are checked first, then numbers, and patterns last.
it.each<[string, string, string, string, number]>([
  ['interval.ms', 'soon', 'nothing', '1', invalidRequest],
  ['match', 'client_id', 'nothing', '1', invalidRequest],
  ['match', 'client_id', 'interval.ms', '99', invalidRequest],
  ['match', 'client_id', 'interval.ms', 'soon', invalidConfig],
])(
  'refuses %s set to %j beside %s set to %j by what is checked first',
  async (one, is, other, isToo, errorCode) => {
    const { alter, replace } = start()
    expect(
      await alter([
        [one, set, is],
        [other, set, isToo],
      ]),
    ).toBe(errorCode)
    expect(
      await replace([
        { name: one, value: is },
        { name: other, value: isToo },
      ]),
    ).toBe(errorCode)
  },
)

it('appends to none of the configs, and has no subscription without a name', async () => {
  const { alter } = start()
  expect(await alter([['metrics', append, 'a']])).toBe(invalidConfig)
  expect(await alter([['metrics', set, 'a']], { name: '' })).toBe(invalidRequest)
})

it('replaces all configs at the request of an older client', async () => {
  const { alter, replace, values, list } = start()
  await alter([['metrics', set, '*']])
  expect(await replace([{ name: 'interval.ms', value: '3600000' }])).toBe(0)
  expect(await replace([{ name: 'interval.ms', value: '100' }])).toBe(0)
  expect(await values()).toEqual([
    ['interval.ms', '100'],
    ['match', ''],
    ['metrics', ''],
  ])
  expect(await replace([])).toBe(0)
  expect(await list()).toEqual([])
})

it('asks no client for its metrics, as at a Kafka without a plugin', async () => {
  const { client, alter } = start()
  await alter([['metrics', set, '*']])
  const [getTelemetrySubscriptions, pushTelemetry] = [71, 72]
  const { apiKeys } = await client.call(apiVersions!, 3, {
    clientSoftwareName: 'test',
    clientSoftwareVersion: '1',
  })
  const spoken = apiKeys.map(({ apiKey }: { apiKey: number }) => apiKey)
  expect(spoken).not.toContain(getTelemetrySubscriptions)
  expect(spoken).not.toContain(pushTelemetry)
})
