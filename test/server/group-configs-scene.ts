import { afterEach } from 'vitest'
import { topic } from '../../src/index.ts'
import { connect, type WireOptions } from '../../src/server/index.ts'
import { apis } from '../../src/server/protocol/apis.ts'
import type { Api } from '../../src/server/protocol/message.ts'
import { TestBroker } from '../../src/testing/index.ts'
import { consumerMembers } from '../helpers/group-requests.ts'
import { WireClient } from '../helpers/wire-client.ts'

const { alterConfigs, describeConfigs, incrementalAlterConfigs, listConfigResources } =
  apis as unknown as Readonly<Record<string, Api>>

const open: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const close of open.splice(0).toReversed()) await close()
})

/** Kafka's number of a group as what has configs. */
export const group = 32
const operations = { set: 0, delete: 1, append: 2, subtract: 3 } as const

type Change = readonly [name: string, operation: keyof typeof operations, value?: string | null]

/** A broker with a topic, and a client that sets and asks for the configs of a group. */
export function start(options: WireOptions = {}) {
  const broker = new TestBroker({ topics: { orders: topic({ partitions: 2 }) } })
  open.push(() => broker.close())
  const client = new WireClient(connect(broker, options))
  const alter = async (
    changes: readonly Change[],
    { type = group, name = 'g', validateOnly = false } = {},
  ) => {
    const configs = changes.map(([config, operation, value = null]) => ({
      name: config,
      configOperation: operations[operation],
      value,
    }))
    const resources = [{ resourceType: type, resourceName: name, configs }]
    const { responses } = await client.call(incrementalAlterConfigs!, 1, { resources, validateOnly })
    return [responses[0].errorCode, responses[0].errorMessage]
  }
  const set = (name: string, value: string | null) => alter([[name, 'set', value]])
  const replace = async (configs: Readonly<Record<string, string | null>>, more: object = {}) => {
    const given = Object.entries(configs).map(([name, value]) => ({ name, value }))
    const resources = [{ resourceType: group, resourceName: 'g', configs: given }]
    const { responses } = await client.call(alterConfigs!, 2, { resources, ...more })
    return [responses[0].errorCode, responses[0].errorMessage]
  }
  const describeAll = async (type = group, name = 'g', more: object = {}) => {
    const resources = [{ resourceType: type, resourceName: name, configurationKeys: null }]
    const request = { resources, includeSynonyms: true, ...more }
    return (await client.call(describeConfigs!, 4, request)).results[0]
  }
  const config = async (name: string, more: object = {}) =>
    (await describeAll(group, 'g', more)).configs.find((each: { name: string }) => each.name === name)
  const value = async (name: string) => (await config(name)).value
  const list = async (version: number, ...resourceTypes: number[]) => {
    const { errorCode, configResources } = await client.call(listConfigResources!, version, { resourceTypes })
    if (errorCode !== 0) return errorCode
    return configResources.map((each: { resourceType: number; resourceName: string }) => [
      each.resourceType,
      each.resourceName,
    ])
  }
  const { beat, join } = consumerMembers(client)
  return { broker, client, alter, set, replace, describeAll, config, value, list, beat, join }
}
