import { pbkdf2Sync } from 'node:crypto'
import { connect } from 'node:net'
import { Kafka, logLevel, type SASLOptions } from 'kafkajs'
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

const resourceNotFound = 91
const duplicateResource = 92
const both = [1, 2].map(mechanism => ({ mechanism, iterations: 4096 }))

async function start(sasl?: SaslOptions) {
  const broker = new Broker()
  open.push(() => broker.close())
  const server = await serve(broker, sasl === undefined ? {} : { sasl })
  const client = new WireClient(openSocket(server.port))
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
  const alter = async (changes: object) => {
    const asked = { deletions: [], upsertions: [], ...changes }
    const { results } = await client.call(alterUserScramCredentials!, 0, asked)
    return results.map(({ user, errorCode }: any) => [user, errorCode])
  }
  /** Whether a client of KafkaJS may come in, by SCRAM-SHA-256 if nothing else is said. */
  const logsIn = async (username: string, password: string, mechanism = 'scram-sha-256') => {
    const kafka = new Kafka({
      brokers: [server.address],
      logLevel: logLevel.NOTHING,
      retry: { retries: 0 },
      sasl: { mechanism, username, password } as SASLOptions,
    })
    const admin = kafka.admin()
    open.push(() => admin.disconnect())
    return admin.connect().then(
      () => true,
      () => false,
    )
  }
  return { server, client, describeUsers, alter, logsIn }
}

function openSocket(port: number) {
  const socket = connect(port, '127.0.0.1')
  open.push(() => socket.destroy())
  return socket
}

/** A user as a client sends it: the password salted. */
function salted(name: string, password: string, mechanism = 1, iterations = 4096) {
  const salt = Buffer.from('salt')
  const [bytes, hash] = mechanism === 1 ? ([32, 'sha256'] as const) : ([64, 'sha512'] as const)
  const saltedPassword = pbkdf2Sync(password, salt, iterations, bytes, hash)
  return { name, mechanism, iterations, salt, saltedPassword }
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

it('lets in and out by SCRAM whom an administrator adds, changes and removes', async () => {
  const { alter, describeUsers, logsIn } = await start({ users })
  expect(await alter({ upsertions: [salted('eve', 'new'), salted('bob', 'changed', 2, 8192)] })).toEqual([
    ['eve', 0],
    ['bob', 0],
  ])
  expect(await describeUsers()).toMatchObject([
    { user: 'ada', credentialInfos: both },
    { user: 'bob', credentialInfos: [both[0], { mechanism: 2, iterations: 8192 }] },
    { user: 'eve', credentialInfos: [both[0]] },
  ])
  expect(await logsIn('eve', 'new')).toBe(true)
  expect(await logsIn('eve', 'old')).toBe(false)
  expect(await logsIn('eve', 'new', 'scram-sha-512')).toBe(false)
  expect(await logsIn('bob', 'changed', 'scram-sha-512')).toBe(true)
  expect(await logsIn('bob', 'other', 'scram-sha-512')).toBe(false)
  expect(await logsIn('bob', 'other')).toBe(true)

  const deletions = [
    { name: 'eve', mechanism: 1 },
    { name: 'ada', mechanism: 1 },
  ]
  expect(await alter({ deletions })).toEqual([
    ['eve', 0],
    ['ada', 0],
  ])
  expect(await logsIn('eve', 'new')).toBe(false)
  expect(await logsIn('ada', 'secret')).toBe(false)
  expect((await describeUsers()).map(({ user }: any) => user)).toEqual(['ada', 'bob'])
  expect(await alter({ deletions })).toEqual([
    ['eve', resourceNotFound],
    ['ada', resourceNotFound],
  ])
})

it('leaves those who come by PLAIN as the option says', async () => {
  const { alter, logsIn } = await start({ users })
  await alter({ deletions: [{ name: 'ada', mechanism: 1 }], upsertions: [salted('eve', 'new')] })
  await alter({ upsertions: [salted('bob', 'changed')] })
  expect(await logsIn('ada', 'secret', 'plain')).toBe(true)
  expect(await logsIn('bob', 'other', 'plain')).toBe(true)
  expect(await logsIn('bob', 'changed', 'plain')).toBe(false)
  expect(await logsIn('eve', 'new', 'plain')).toBe(false)
})

it('keeps SCRAM users where nobody authenticates, too', async () => {
  const { alter, describeUsers } = await start()
  await alter({ upsertions: [salted('eve', 'new', 2)] })
  expect(await describeUsers()).toMatchObject([{ user: 'eve', credentialInfos: [both[1]] }])
})

it('changes a user once in a request, or not at all', async () => {
  const { alter, describeUsers, logsIn } = await start({ users })
  const deletion = { name: 'ada', mechanism: 1 }
  const twice = { upsertions: [salted('ada', 'x'), salted('ada', 'x', 2), salted('ada', 'x')] }
  expect(await alter(twice)).toEqual([['ada', duplicateResource]])
  expect(await alter({ deletions: [deletion, { name: 'ada', mechanism: 2 }] })).toEqual([
    ['ada', duplicateResource],
  ])
  const mixed = { deletions: [deletion], upsertions: [salted('ada', 'x', 2), salted('eve', 'new')] }
  expect(await alter(mixed)).toEqual([
    ['ada', duplicateResource],
    ['eve', 0],
  ])
  expect(await logsIn('ada', 'secret')).toBe(true)
  expect((await describeUsers()).map(({ user }: any) => user)).toEqual(['ada', 'bob', 'eve'])
})

it('tells what is wrong with a change first, and changes nothing of that user', async () => {
  const { client, describeUsers } = await start({ users })
  const { results } = await client.call(alterUserScramCredentials!, 0, {
    deletions: [
      { name: '', mechanism: 1 },
      { name: 'ada', mechanism: 9 },
      { name: 'ada', mechanism: 1 },
      { name: 'nobody', mechanism: 1 },
    ],
    upsertions: [
      salted('eve', 'x', 1, 4095),
      salted('joe', 'x', 2, 16_385),
      salted('bob', 'x', 0),
      salted('nobody', 'x'),
      { ...salted('jim', 'x'), saltedPassword: Buffer.alloc(0) },
      salted('jan', 'x', 2, 16_384),
    ],
  })
  expect(results.map(({ user, errorCode, errorMessage }: any) => [user, errorCode, errorMessage])).toEqual([
    ['', 93, 'Username must not be empty'],
    ['ada', 33, 'Unknown SCRAM mechanism'],
    ['nobody', resourceNotFound, 'Attempt to delete a user credential that does not exist'],
    ['eve', 93, 'Too few iterations'],
    ['joe', 93, 'Too many iterations'],
    ['bob', 33, 'Unknown SCRAM mechanism'],
    ['jim', -1, 'The salted password is empty'],
    ['jan', 0, null],
  ])
  expect((await describeUsers()).map(({ user }: any) => user)).toEqual(['ada', 'bob', 'jan'])
})

it('gives nobody away who is not known', async () => {
  const { server } = await start({ users })
  const firstAnswers = async (user: string) => {
    const answers: string[] = []
    for (let i = 0; i < 2; i++) {
      const client = new WireClient(openSocket(server.port))
      await client.call(saslHandshake!, 1, { mechanism: 'SCRAM-SHA-256' })
      const { authBytes } = await client.call(saslAuthenticate!, 2, {
        authBytes: Buffer.from(`n,,n=${user},r=x`),
      })
      answers.push(authBytes.toString().replace(/^r=[^,]*/, ''))
    }
    return answers
  }
  for (const user of ['ada', 'nobody']) {
    const [first, second] = await firstAnswers(user)
    expect(first).toMatch(/^,s=[\w+/]{22}==,i=4096$/)
    expect(second).toBe(first)
  }
})
