import { afterEach } from 'vitest'
import { type TopicOptions, topic } from '../../src/index.ts'
import { connect } from '../../src/server/index.ts'
import { apis } from '../../src/server/protocol/apis.ts'
import type { Api } from '../../src/server/protocol/message.ts'
import { TestBroker } from '../../src/testing/index.ts'
import { WireClient } from '../helpers/wire-client.ts'

const { alterConfigs, incrementalAlterConfigs, describeConfigs } = apis as unknown as Readonly<
  Record<string, Api>
>

/** What is to be closed after a test. */
export const open: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const close of open.splice(0).toReversed()) await close()
})

export const operations = { set: 0, delete: 1, append: 2, subtract: 3 } as const

export type Change = readonly [name: string, operation: keyof typeof operations, value?: string | null]

/** A broker with two topics, and a client that sets and asks for configs of one of them. */
export function start(options: TopicOptions = {}) {
  const broker = new TestBroker({ topics: { orders: topic(options), other: topic() } })
  open.push(() => broker.close())
  const client = new WireClient(connect(broker))
  const toResource = (changes: readonly Change[], resourceName = 'orders', resourceType = 2) => ({
    resourceType,
    resourceName,
    configs: changes.map(([name, operation, value = null]) => ({
      name,
      configOperation: operations[operation],
      value,
    })),
  })
  const alter = async (...changes: readonly Change[]) => {
    const { responses } = await client.call(incrementalAlterConfigs!, 1, { resources: [toResource(changes)] })
    return [responses[0].errorCode, responses[0].errorMessage]
  }
  const replace = async (configs: Readonly<Record<string, string | null>>, more: object = {}) => {
    const resource = {
      resourceType: 2,
      resourceName: 'orders',
      configs: Object.entries(configs).map(([name, value]) => ({ name, value })),
    }
    const { responses } = await client.call(alterConfigs!, 2, { resources: [resource], ...more })
    return responses[0].errorCode
  }
  const describeAll = async (resourceType = 2, resourceName = 'orders', more: object = {}) => {
    const resources = [{ resourceType, resourceName, configurationKeys: null }]
    return (await client.call(describeConfigs!, 4, { resources, ...more })).results[0]
  }
  const config = async (name: string, more: object = {}) =>
    (await describeAll(2, 'orders', more)).configs.find((each: { name: string }) => each.name === name)
  return { broker, client, toResource, alter, replace, describeAll, config, orders: broker.topic('orders') }
}
