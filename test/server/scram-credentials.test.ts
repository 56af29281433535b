import { connect } from 'node:net'
import { afterEach, expect, it } from 'vitest'
import { Broker } from '../../src/index.ts'
import { type SaslOptions, serve } from '../../src/server/index.ts'
import { apis } from '../../src/server/protocol/apis.ts'
import type { Api } from '../../src/server/protocol/message.ts'
import { WireClient } from '../helpers/wire-client.ts'

const { alterUserScramCredentials, describeUserScramCredentials, saslAuthenticate, saslHandshake } =
  apis as unknown as Readonly<Record<string, Api>>

const open: (() => unknown)[] = []
afterEach(async () => {
  for (const close of open.splice(0).toReversed()) await close()
})

const unsupportedVersion = 35
const resourceNotFound = 91
const duplicateResource = 92
const both = [1, 2].map(mechanism => ({ mechanism, iterations: 4096 }))

async function start(sasl?: SaslOptions) {
  const broker = new Broker()
  open.push(() => broker.close())
  const server = await serve(broker, sasl === undefined ? {} : { sasl })
  const socket = connect(server.port, '127.0.0.1')
  open.push(() => socket.destroy())
  const client = new WireClient(socket)
  if (sasl !== undefined) {
    await client.call(saslHandshake!, 1, { mechanism: 'PLAIN' })
    await client.call(saslAuthenticate!, 2, { authBytes: Buffer.from('\0ada\0secret') })
  }
  const describeUsers = async (...names: readonly string[]) => {
    const users = names.length === 0 ? null : names.map(name => ({ name }))
    const { errorCode, results } = await client.call(describeUserScramCredentials!, 0, { users })
    expect(errorCode).toBe(0)
    return results
  }
  return { client, describeUsers }
}

const users = { ada: 'secret', bob: 'other' }

it('tells who may come in by SCRAM, and by which', async () => {
  const { describeUsers } = await start({ users })
  expect(await describeUsers()).toMatchObject([
    { user: 'ada', errorCode: 0, credentialInfos: both },
    { user: 'bob', errorCode: 0, credentialInfos: both },
  ])
  expect(await describeUsers('bob', 'eve', 'ada', 'bob')).toMatchObject([
    {
      user: 'bob',
      errorCode: duplicateResource,
      errorMessage: 'Cannot describe SCRAM credentials for the same user twice in a single request: bob',
      credentialInfos: [],
    },
    {
      user: 'eve',
      errorCode: resourceNotFound,
      errorMessage: 'Attempt to describe a user credential that does not exist: eve',
      credentialInfos: [],
    },
    { user: 'ada', errorCode: 0, credentialInfos: both },
  ])
})

it('tells nobody where there is no SCRAM', async () => {
  const withoutUsers = await start()
  expect(await withoutUsers.describeUsers()).toEqual([])
  expect(await withoutUsers.describeUsers('ada')).toMatchObject([{ errorCode: resourceNotFound }])
  const plainOnly = await start({ users, mechanisms: ['PLAIN'] })
  expect(await plainOnly.describeUsers()).toEqual([])
  const one = await start({ users, mechanisms: ['PLAIN', 'SCRAM-SHA-512'] })
  expect(await one.describeUsers('ada')).toMatchObject([{ credentialInfos: [both[1]] }])
})

it('lets nobody in or out by the wire', async () => {
  const { client, describeUsers } = await start({ users })
  const { results } = await client.call(alterUserScramCredentials!, 0, {
    deletions: [
      { name: 'bob', mechanism: 1 },
      { name: 'nobody', mechanism: 2 },
    ],
    upsertions: [{ name: 'eve', mechanism: 1, iterations: 4096 }],
  })
  expect(results).toMatchObject([
    { user: 'bob', errorCode: unsupportedVersion },
    { user: 'nobody', errorCode: resourceNotFound },
    { user: 'eve', errorCode: unsupportedVersion },
  ])
  expect((await describeUsers()).map(({ user }: any) => user)).toEqual(['ada', 'bob'])
})

it('says first what could not be done anywhere', async () => {
  const { client } = await start({ users })
  const { results } = await client.call(alterUserScramCredentials!, 0, {
    deletions: [
      { name: '', mechanism: 1 },
      { name: 'ada', mechanism: 9 },
    ],
    upsertions: [
      { name: 'eve', mechanism: 1, iterations: 4095 },
      { name: 'joe', mechanism: 2, iterations: 16_385 },
      { name: 'bob', mechanism: 0, iterations: 4096 },
    ],
  })
  expect(results.map(({ user, errorCode, errorMessage }: any) => [user, errorCode, errorMessage])).toEqual([
    ['', 93, 'Username must not be empty'],
    ['ada', 33, 'Unknown SCRAM mechanism'],
    ['eve', 93, 'Too few iterations'],
    ['joe', 93, 'Too many iterations'],
    ['bob', 33, 'Unknown SCRAM mechanism'],
  ])
})
