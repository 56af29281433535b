import { readFileSync } from 'node:fs'
import { connect as connectTcp } from 'node:net'
import path from 'node:path'
import { connect as connectTls } from 'node:tls'
import { Kafka, logLevel } from 'kafkajs'
import { afterEach, describe, expect, it } from 'vitest'
import { Broker, topic } from '../../../src/index.ts'
import { distinguishedName } from '../../../src/server/authorizer/principal-builder.ts'
import {
  type Acl,
  type ClientIdentity,
  connect,
  RequestLog,
  type ServeOptions,
  serve,
  socketFactory,
  WireFaults,
} from '../../../src/server/index.ts'
import { request, WireClient } from '../../helpers/wire-client.ts'
import { allow, apiNamed, errorsOf } from './authorizer-scene.ts'

const open: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const close of open.splice(0).toReversed()) await close()
})

function makeBroker() {
  const broker = new Broker({ topics: { orders: topic() } })
  open.push(() => broker.close())
  return broker
}

const pem = (name: string) => readFileSync(path.join(import.meta.dirname, '..', 'tls', name))
const [key, cert] = [pem('key.pem'), pem('cert.pem')]

const read = { topics: [{ name: 'orders', partitions: [{ partitionIndex: 0, timestamp: -1 }] }] }
const mayRead = async (client: WireClient) =>
  errorsOf(await client.call(apiNamed('ListOffsets'), 7, read)).length === 0

async function kafkaOf(options: ServeOptions) {
  const broker = makeBroker()
  const server = await serve(broker, options)
  return (username: string) =>
    new Kafka({
      brokers: [server.address],
      logLevel: logLevel.NOTHING,
      retry: { retries: 0 },
      sasl: { mechanism: 'scram-sha-256', username, password: 'secret' },
    })
}

describe('who a client is', () => {
  it('is the user that has authenticated', async () => {
    const as = await kafkaOf({
      sasl: { users: { ada: 'secret', bo: 'secret' } },
      authorizer: { acls: [allow('WRITE', 'TOPIC', 'orders')] },
    })
    const send = async (user: string) => {
      const producer = as(user).producer()
      open.push(() => producer.disconnect())
      await producer.connect()
      return producer.send({ topic: 'orders', messages: [{ value: '1' }] })
    }
    expect(await send('ada')).toMatchObject([{ topicName: 'orders', errorCode: 0 }])
    await expect(send('bo')).rejects.toThrow('Not authorized to access topics')
  })

  it('is nobody in particular without', async () => {
    const broker = makeBroker()
    const acls: Acl[] = [{ ...allow('READ', 'TOPIC', 'orders'), principal: 'User:ANONYMOUS' }]
    expect(await mayRead(new WireClient(connect(broker, { authorizer: { acls } })))).toBe(true)
    const kafka = new Kafka({ brokers: ['in-process:9092'], socketFactory: socketFactory(broker) })
    const admin = kafka.admin()
    open.push(() => admin.disconnect())
    await admin.connect()
    expect(await admin.listTopics()).toEqual(['orders'])
  })

  it('is the subject of the certificate that it shows', async () => {
    const acls: Acl[] = [{ ...allow('READ', 'TOPIC', 'orders'), principal: 'User:CN=localhost' }]
    const tls = { key, cert, ca: cert, requestCert: true, rejectUnauthorized: false }
    const server = await serve(makeBroker(), { tls, authorizer: { acls } })
    const client = (shown: object) =>
      new WireClient(
        connectTls({ port: server.port, host: '127.0.0.1', ca: cert, servername: 'localhost', ...shown }),
      )
    expect(await mayRead(client({ key, cert }))).toBe(true)
    expect(await mayRead(client({}))).toBe(false)
  })

  it.each([
    ['a name alone', 'ada', "received 'ada'"],
    ['a promise', Promise.resolve('User:ada'), 'received a Promise'],
  ])('is not %s: the connection ends, and the broker says why', async (_, principal, received) => {
    const broker = makeBroker()
    const errors: string[] = []
    broker.on('error', error => errors.push((error as Error).message))
    const principalBuilder = (() => principal) as () => string
    const client = new WireClient(connect(broker, { authorizer: { principalBuilder } }))
    await expect(mayRead(client)).rejects.toThrow('closed')
    const expected = "a function that returns a principal, such as 'User:ada'"
    expect(errors).toEqual([`authorizer: option 'principalBuilder' expected ${expected}, ${received}`])
  })

  it('is the same for a request that is done once its connection is gone', async () => {
    // Not every system lets a client call from another address than the first.
    const host = process.platform === 'linux' ? '127.0.0.2' : '127.0.0.1'
    const seen: ClientIdentity[] = []
    const principalBuilder = (identity: ClientIdentity) => {
      seen.push(identity)
      return 'User:ada'
    }
    const tls = { key, cert, ca: cert, requestCert: true }
    const faults = new WireFaults()
    const requests = new RequestLog()
    const server = await serve(makeBroker(), { tls, faults, requests, authorizer: { principalBuilder } })
    const barrier = faults.pauseNext({ api: 'ListOffsets' })
    const socket = connectTls({
      ...{ port: server.port, host: '127.0.0.1', localAddress: host },
      ...{ ca: cert, servername: 'localhost', key, cert },
    })
    new WireClient(socket).send(request(apiNamed('ListOffsets'), 7, read))
    await barrier.entered
    socket.destroy()
    await expect.poll(() => server.connections).toBe(0)
    barrier.release()
    await expect.poll(() => requests.of({ api: 'ListOffsets' }).at(-1)!.outcome).not.toBe('waiting')
    expect(seen).toMatchObject([{ host, certificate: { subject: { CN: 'localhost' } } }])
  })

  it('has the special signs of its subject behind a backslash, and the last part first', () => {
    const subject = { C: 'DE', O: 'A, B', OU: ['x', 'y'], CN: '#one + "two" ' } as never
    expect(distinguishedName({ subject })).toBe(String.raw`CN=\#one \+ \"two\"\ ,OU=y,OU=x,O=A\, B,C=DE`)
  })

  it('is what the server says, by what it knows', async () => {
    const seen: ClientIdentity[] = []
    const principalBuilder = (identity: ClientIdentity) => {
      seen.push(identity)
      return 'User:ada'
    }
    const authorizer = {
      principalBuilder,
      acls: [{ ...allow('READ', 'TOPIC', 'orders'), host: '127.0.0.1' }],
    }
    const server = await serve(makeBroker(), { authorizer })
    const client = new WireClient(connectTcp(server.port, '127.0.0.1'))
    expect(await mayRead(client)).toBe(true)
    expect(seen).toEqual([{ user: undefined, certificate: undefined, host: '127.0.0.1', clientId: '' }])
  })
})

it('shares the access lists among all servers of a broker, each of which has its own super users', async () => {
  const broker = makeBroker()
  const acls = [{ ...allow('READ', 'TOPIC', 'orders'), principal: 'User:*' }]
  const at = async (authorizer: ServeOptions['authorizer']) => {
    const server = await serve(broker, authorizer && { authorizer })
    const client = new WireClient(connectTcp(server.port, '127.0.0.1'))
    return async () => [
      await mayRead(client),
      errorsOf(await client.call(apiNamed('ListConfigResources'), 1, {})).length === 0,
    ]
  }
  const restricted = await at({})
  expect(await restricted()).toEqual([false, false])
  expect(await (await at({ acls, superUsers: ['User:ANONYMOUS'] }))()).toEqual([true, true])
  expect(await restricted()).toEqual([true, false])
  expect(await (await at(undefined))()).toEqual([true, true])
})

it('takes a field of an access list that is undefined as left out', async () => {
  const optional = { host: undefined, patternType: undefined, permissionType: undefined }
  const acls: Acl[] = [
    { ...allow('READ', 'TOPIC', 'orders'), ...optional, principal: 'User:ANONYMOUS' },
    { ...allow('ALTER_CONFIGS', 'CLUSTER'), resourceName: undefined, principal: 'User:ANONYMOUS' },
  ]
  const client = new WireClient(connect(makeBroker(), { authorizer: { acls } }))
  expect(await mayRead(client)).toBe(true)
  expect(errorsOf(await client.call(apiNamed('ListConfigResources'), 1, {}))).toEqual([])
})

it.each([
  [{ superUser: [] }, "serve: authorizer: unknown option 'superUser'"],
  [{ superUsers: ['admin'] }, "option 'superUsers' expected an array of principals, such as 'User:ada'"],
  [{ allowEveryoneIfNoAclFound: 1 }, "option 'allowEveryoneIfNoAclFound' expected true or false"],
  [{ acls: {} }, "option 'acls' expected an array"],
  [{ acls: [allow('READ', 'TOPIC', 'a'), {}] }, "serve: authorizer: acls[1]: option 'resourceType' expected"],
  [{ acls: [{ ...allow('READ', 'TOPIC', 'a'), operations: [] }] }, "acls[0]: unknown option 'operations'"],
  [{ acls: [{ ...allow('READ', 'TOPIC', 'a'), principal: 'ada' }] }, "'principal' expected a principal"],
  [
    { acls: [{ ...allow('READ', 'TOPIC', 'a'), host: '10.0.0.0/33' }] },
    "'host' expected an address, a subnet",
  ],
  [{ acls: [allow('READ', 'TOPIC')] }, "option 'resourceName' expected a string that is not empty"],
  [{ acls: [allow('READ', 'CLUSTER')] }, "option 'operation' expected one of 'ALL', 'CREATE'"],
  [{ acls: [allow('ALTER', 'CLUSTER', 'mine')] }, "'resourceName' expected 'kafka-cluster', or nothing"],
  [{ principalBuilder: 'User:ada' }, "option 'principalBuilder' expected a function"],
])('refuses %j', async (authorizer, message) => {
  const broker = makeBroker()
  const options = { authorizer } as unknown as ServeOptions
  await expect(serve(broker, options)).rejects.toThrow(message)
  expect(() => connect(broker, options as never)).toThrow(message.replace('serve', 'connect'))
})
