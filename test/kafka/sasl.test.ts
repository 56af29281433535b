import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Broker } from '../../src/index.ts'
import { serve } from '../../src/server/index.ts'
import { apis } from '../../src/server/protocol/apis.ts'
import type { Api } from '../../src/server/protocol/message.ts'
import { WireClient } from '../helpers/wire-client.ts'
import { isKafkaInstalled, startRealKafka } from './real-kafka.ts'

const users = { ada: 'secret' }

/** Says one thing, and gives what is told of the answer. */
type Step = (client: WireClient) => Promise<unknown>

const asks =
  (name: keyof typeof apis, version: number, body: object): Step =>
  async client =>
    (await client.call(apis[name] as Api, version, body)).errorCode
const versions = asks('apiVersions', 3, { clientSoftwareName: 'a', clientSoftwareVersion: '1' })
const handshake = (mechanism: string, version = 1) => asks('saslHandshake', version, { mechanism })
const proof = (text: string, version = 2) =>
  asks('saslAuthenticate', version, { authBytes: Buffer.from(text) })
const bare =
  (text: string): Step =>
  async client => {
    client.send(Buffer.from(text))
    return (await client.answer()).length
  }
const topics: Step = async client =>
  (await client.call(apis.metadata as Api, 9, { topics: [] })).topics.length
const length =
  (bytes: number): Step =>
  async client => {
    const begun = Buffer.alloc(4)
    begun.writeInt32BE(bytes)
    client.socket.write(begun)
    return (await client.answer()).length
  }

const plain = handshake('PLAIN')
const right = proof('\0ada\0secret')
const wrong = proof('\0ada\0wrong')

/** What comes of steps on one connection, up to its end. */
async function converse(port: number, steps: readonly Step[]): Promise<unknown[]> {
  const socket: Socket = connect(port, '127.0.0.1')
  socket.on('error', () => {})
  const ended = once(socket, 'close').then(() => 'ended')
  const client = new WireClient(socket)
  const told: unknown[] = []
  try {
    for (const step of steps) {
      const answer = await Promise.race([step(client).catch(() => 'ended'), ended])
      told.push(answer)
      if (answer === 'ended') break
    }
  } finally {
    socket.destroy()
  }
  return told
}

describe.skipIf(!isKafkaInstalled)('a real Kafka and a served broker let in and turn away the same', () => {
  const open: (() => Promise<unknown>)[] = []
  let ports: readonly [kafka: number, served: number]
  beforeAll(async () => {
    const kafka = await startRealKafka({ sasl: { users } })
    open.push(() => kafka.close())
    const broker = new Broker()
    // Whoever is turned away for what is no request at all is told of.
    broker.on('error', () => {})
    open.push(() => broker.close())
    const server = await serve(broker, { sasl: { users, mechanisms: ['PLAIN'] } })
    ports = [kafka.saslPort, server.port]
  })
  afterAll(async () => {
    for (const close of open.splice(0).toReversed()) await close()
  })

  it.each<readonly [string, readonly Step[]]>([
    ['who proves who it is', [versions, plain, right, topics]],
    ['who asks for no versions', [plain, right, topics]],
    ['who proves it without a header', [handshake('PLAIN', 0), bare('\0ada\0secret'), topics]],
    ['who fails to do so', [handshake('PLAIN', 0), bare('\0ada\0wrong'), topics]],
    ['who proves it by the first version', [plain, proof('\0ada\0secret', 0), topics]],
    ['a wrong proof', [plain, wrong, topics]],
    ['a wrong proof and a right one', [plain, wrong, right]],
    ['a proof of nothing', [plain, proof(''), topics]],
    ['a proof of too much', [plain, proof('\0ada\0secret\0'), topics]],
    ['who acts as itself', [plain, proof('ada\0ada\0secret'), topics]],
    ['who acts as somebody else', [plain, proof('eve\0ada\0secret'), topics]],
    ['a mechanism that is unknown', [handshake('GSSAPI'), plain]],
    ['a mechanism in other letters', [handshake('plain'), plain]],
    ['who chooses twice', [plain, plain, right]],
    ['who asks for versions before the proof', [plain, versions, right]],
    ['who proves it again', [plain, right, right, topics]],
    ['who asks for topics at once', [topics]],
    ['who asks for topics after versions', [versions, topics]],
    ['a version of a handshake that is unknown', [asks('saslHandshake', 7, { mechanism: 'PLAIN' })]],
    ['a negative length', [length(-1)]],
    ['a length beyond what a stranger may send', [length(512 * 1024 + 1)]],
    ['no bytes', [length(0)]],
  ])('%s', async (_, steps) => {
    const [real, served] = await Promise.all(ports.map(port => converse(port, steps)))
    expect(served).toEqual(real)
  })

  // See the differences.
  it.each<readonly [string, readonly Step[], kafka: readonly unknown[], served: readonly unknown[]]>([
    ['a proof without a mechanism', [right, topics], ['ended'], [34, 'ended']],
    ['who asks for topics before the proof', [plain, topics], [0, 0], [0, 'ended']],
    ['who asks for versions twice', [versions, versions, plain], [0, 'ended'], [0, 0, 0]],
    ['who proves anew who it is at once', [plain, right, plain, right], [0, 0, 34, 34], [0, 0, 0, 0]],
  ])('%s, each in its way', async (_, steps, ...expected) => {
    expect(await Promise.all(ports.map(port => converse(port, steps)))).toEqual(expected)
  })
})
