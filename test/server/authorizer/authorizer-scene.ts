import { afterEach } from 'vitest'
import { topic } from '../../../src/index.ts'
import { type Acl, connect, type WireOptions } from '../../../src/server/index.ts'
import { apis } from '../../../src/server/protocol/apis.ts'
import type { Api } from '../../../src/server/protocol/message.ts'
import { TestBroker } from '../../../src/testing/index.ts'
import { WireClient } from '../../helpers/wire-client.ts'

const byName = new Map(Object.values(apis).map(api => [api.name as string, api as unknown as Api]))

/** The description of an API. */
export function apiNamed(name: string): Api {
  return byName.get(name)!
}

/** The errors in an answer, each once. */
export function errorsOf(answer: unknown): number[] {
  const found = new Set<number>()
  const look = (value: unknown) => {
    if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return
    for (const [field, each] of Object.entries(value)) {
      if (typeof each === 'number' && /errorCode$/i.test(field) && each !== 0) found.add(each)
      else look(each)
    }
  }
  look(answer)
  return [...found]
}

/** An access list that lets Ada do something. */
export function allow(
  operation: Acl['operation'],
  resourceType: Acl['resourceType'],
  resourceName?: string,
): Acl {
  const named = resourceName === undefined ? {} : { resourceName }
  return { resourceType, ...named, principal: 'User:ada', operation }
}

/** Makes brokers that go by access lists, asked by Ada and by an administrator who may do everything. */
export function authorizerScenes() {
  const brokers: TestBroker<any>[] = []
  afterEach(async () => {
    for (const broker of brokers.splice(0)) await broker.close()
  })
  return (
    acls: readonly Acl[] = [],
    more: WireOptions['authorizer'] = {},
    options: WireOptions = {},
    brokerOptions: { readonly autoCreateTopics?: boolean } = {},
  ) => {
    const broker = new TestBroker({ topics: { orders: topic(), payments: topic() }, ...brokerOptions })
    brokers.push(broker)
    let user = 'ada'
    const principalBuilder = () => `User:${user}`
    const socket = connect(broker, {
      ...options,
      authorizer: { superUsers: ['User:admin'], acls, principalBuilder, ...more },
    })
    const client = new WireClient(socket)
    const ask = (name: string, request: object, version = apiNamed(name).versions[1]) =>
      client.call(apiNamed(name), version, request)
    /** Asks as somebody else. */
    const as = async (name: string, ...asked: Parameters<typeof ask>) => {
      user = name
      try {
        return await ask(...asked)
      } finally {
        user = 'ada'
      }
    }
    return { broker, client, ask, as }
  }
}

/** Operations as an answer tells them: a bit for each of their numbers. */
export function bits(...operations: readonly number[]): number {
  return operations.reduce((all, each) => all | (1 << each), 0)
}
