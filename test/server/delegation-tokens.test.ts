import { connect } from 'node:net'
import { afterEach, expect, it } from 'vitest'
import { Broker } from '../../src/index.ts'
import { type ServeOptions, serve } from '../../src/server/index.ts'
import { apis } from '../../src/server/protocol/apis.ts'
import type { Api } from '../../src/server/protocol/message.ts'
import { WireClient } from '../helpers/wire-client.ts'

const wire = apis as unknown as Readonly<Record<string, Api>>
const { createDelegationToken, describeDelegationToken } = wire
const { expireDelegationToken, renewDelegationToken, saslAuthenticate, saslHandshake } = wire

const open: (() => unknown)[] = []
afterEach(async () => {
  for (const close of open.splice(0).toReversed()) await close()
})

const tokenAuthDisabled = 61
const tokenRequestNotAllowed = 64

async function start(options: ServeOptions = {}) {
  const broker = new Broker()
  open.push(() => broker.close())
  const { port } = await serve(broker, options)
  const socket = connect(port, '127.0.0.1')
  open.push(() => socket.destroy())
  return new WireClient(socket)
}

async function ask(client: WireClient, version: number) {
  const hmac = Buffer.from('abc')
  return [
    await client.call(createDelegationToken!, version, { renewers: [], maxLifetimeMs: -1 }),
    await client.call(renewDelegationToken!, Math.min(version, 2), { hmac, renewPeriodMs: -1 }),
    await client.call(expireDelegationToken!, Math.min(version, 2), { hmac, expiryTimePeriodMs: -1 }),
    await client.call(describeDelegationToken!, version, { owners: null }),
  ]
}

it('gives no token to a client that nobody knows', async () => {
  const client = await start()
  for (const version of [1, 2, 3])
    for (const { errorCode } of await ask(client, version)) expect(errorCode).toBe(tokenRequestNotAllowed)
})

it('gives no token to a client that has authenticated either, and says that there are none', async () => {
  const client = await start({ sasl: { users: { ada: 'secret' } } })
  await client.call(saslHandshake!, 1, { mechanism: 'PLAIN' })
  await client.call(saslAuthenticate!, 2, { authBytes: Buffer.from('\0ada\0secret') })
  const answers = await ask(client, 3)
  for (const { errorCode } of answers) expect(errorCode).toBe(tokenAuthDisabled)
  const [created, renewed] = answers
  expect(created).toMatchObject({
    principalType: 'User',
    principalName: 'ada',
    tokenId: '',
    maxTimestampMs: -1,
  })
  expect(renewed).toMatchObject({ expiryTimestampMs: -1 })
})

it('says for whom a token was asked that is not given', async () => {
  const client = await start()
  const ownerOf = async (ownerPrincipalType: string | null, ownerPrincipalName: string | null) => {
    const asked = { ownerPrincipalType, ownerPrincipalName, renewers: [], maxLifetimeMs: -1 }
    const answer = await client.call(createDelegationToken!, 3, asked)
    expect(answer).toMatchObject({
      tokenRequesterPrincipalType: 'User',
      tokenRequesterPrincipalName: 'ANONYMOUS',
    })
    return `${answer.principalType}:${answer.principalName}`
  }
  expect([await ownerOf('User', 'ada'), await ownerOf('Group', 'ops')]).toEqual(['User:ada', 'Group:ops'])
  expect([await ownerOf(null, null), await ownerOf('Group', '')]).toEqual([
    'User:ANONYMOUS',
    'User:ANONYMOUS',
  ])
})
