import { EventEmitter } from 'node:events'
import { describe, expect, it } from 'vitest'
import { BrokerClock } from '../../src/broker-clock.ts'
import { systemClock } from '../../src/clock.ts'
import type { ClientLibrary } from '../../src/kafka/client-library.ts'
import { ConnectionsFactory } from '../../src/kafka/connections.ts'
import { VirtualClock } from '../../src/testing/index.ts'
import { collectWarnings } from '../helpers/warnings.ts'

const warnings = collectWarnings()

const clock = new BrokerClock(systemClock)

const never = new Promise<void>(() => {})

const settled = () => new Promise(setImmediate)

/** A library of which every pool of connections closes like this. */
function libraryThat(close: () => Promise<void>): ClientLibrary {
  class ConnectionPool {
    readonly close = close
    on() {}
  }
  return { ConnectionPool } as unknown as ClientLibrary
}

it.each([
  ['rejects', () => Promise.reject(new Error('the socket is stuck'))],
  [
    'throws',
    () => {
      throw new Error('the socket is stuck')
    },
  ],
])('tells of each connection whose close %s, and closes the others', async (_how, close) => {
  let closed = 0
  const failing = libraryThat(() => {
    closed++
    return close()
  })
  const factory = new ConnectionsFactory(failing, clock, 'brokerlet', {} as never, undefined)
  const connections = [factory.open(), factory.open(), factory.open()]
  // As a fetch session does, which nobody waits for.
  void connections[0]!.close()
  await factory.close(never)
  expect(closed).toBe(3)
  const text = 'Closing the connections to the cluster failed: the socket is stuck'
  await expect.poll(() => warnings).toEqual([text, text, text])
})

it('cuts off, once it is late, a connection that no broker reads any more', async () => {
  const events = new EventEmitter()
  let destroyed = 0
  class ConnectionPool {
    #closed = () => {}
    on(_name: string, listener: (event: object) => void) {
      const destroy = () => {
        destroyed++
        this.#closed()
      }
      listener({ connection: Object.assign(events, { socket: { destroy } }) })
    }
    close() {
      return new Promise<void>(resolve => {
        this.#closed = resolve
      })
    }
  }
  const factory = new ConnectionsFactory(
    { ConnectionPool } as unknown as ClientLibrary,
    clock,
    'brokerlet',
    {} as never,
    undefined,
  )
  factory.open()
  let beLate = () => {}
  const closed = factory.close(
    new Promise(resolve => {
      beLate = resolve
    }),
  )
  await new Promise(setImmediate)
  expect(destroyed).toBe(0)
  beLate()
  await closed
  expect(destroyed).toBe(1)
})

it.each([
  ['of which the library has lost sight, once the others are closed', () => {}, 1],
  [
    'that has failed, at once',
    (connection: EventEmitter) => void connection.emit('error', new Error('refused')),
    1,
  ],
  ['that has ended, no more', (connection: EventEmitter) => void connection.emit('close'), 0],
])('cuts off a connection %s', async (_which, becomes, times) => {
  let destroyed = 0
  const connection = Object.assign(new EventEmitter(), { socket: { destroy: () => destroyed++ } })
  class ConnectionPool {
    on(_name: string, listener: (event: object) => void) {
      listener({ connection })
    }
    close = async () => {}
  }
  const library = { ConnectionPool } as unknown as ClientLibrary
  const factory = new ConnectionsFactory(library, clock, 'brokerlet', {} as never, undefined)
  factory.open()
  becomes(connection)
  await factory.close(never)
  expect(destroyed).toBe(times)
})

const broker = { host: 'localhost', port: 9092 }
const other = { host: 'localhost', port: 9093 }

/** Connections to brokers that have answered what was sent when they are told to. */
function connectionsTo() {
  const virtual = new VirtualClock()
  const sent: string[] = []
  const answers: ((answer: object) => void)[] = []
  class ConnectionPool {
    on() {}
    get = ({ port }: { port: number }, done: (error: null, port: number) => void) => done(null, port)
    close = async () => {}
  }
  class TimeoutError extends Error {}
  const library = { ConnectionPool, TimeoutError } as unknown as ClientLibrary
  const connections = new ConnectionsFactory(
    library,
    new BrokerClock(virtual),
    'brokerlet',
    {} as never,
    undefined,
  ).open()
  const async = (port: unknown, what: string) => {
    sent.push(`${what} to ${port}`)
    return new Promise<object>(resolve => {
      answers.push(resolve)
    })
  }
  const call = (what: string, to = broker) =>
    connections.call(to, { api: { key: 3, async } } as never, [what])
  return { virtual, sent, answers, connections, call }
}

/** What the library throws where any part of a response is an error. */
const refusedWith = (response: object) =>
  Promise.reject(Object.assign(new Error('refused'), { code: 'PLT_KFK_RESPONSE', response }))

it('asks a broker again that has failed once and has answered since, if only with an error', async () => {
  const { answers, connections, call } = connectionsTo()
  const failed = call('a')
  await settled()
  answers[0]!(Promise.reject(Object.assign(new Error('lost'), { code: 'PLT_KFK_NETWORK' })))
  await expect(failed).rejects.toMatchObject({ code: 'NETWORK_EXCEPTION' })
  expect(connections.readiest([broker, other], 0)).toBe(other)
  const refused = call('b')
  await settled()
  answers[1]!(refusedWith({}))
  await refused
  expect(connections.readiest([broker, other], 0)).toBe(broker)
})

describe('a broker that throttles its client', () => {
  it('is sent the next requests when the time is over, in their order; another broker is, at once', async () => {
    const { virtual, sent, answers, call } = connectionsTo()
    const first = call('a')
    await settled()
    answers[0]!({ throttleTimeMs: 12_000 })
    await first
    for (const what of ['b', 'c']) void call(what)
    void call('x', other)
    await virtual.advance(11_999)
    expect(sent).toEqual(['a to 9092', 'x to 9093'])
    await virtual.advance(1)
    expect(sent.slice(2)).toEqual(['b to 9092', 'c to 9092'])
    void call('d')
    await settled()
    expect(sent.at(-1)).toBe('d to 9092')
  })

  it('lets them wait for as long as the answer to a later request says', async () => {
    const { virtual, sent, answers, call } = connectionsTo()
    for (const what of ['a', 'b']) void call(what)
    await settled()
    answers[0]!({ throttleTimeMs: 1000 })
    await settled()
    void call('c')
    await virtual.advance(500)
    answers[1]!({ throttleTimeMs: 2000 })
    await virtual.advance(1999)
    expect(sent).toHaveLength(2)
    await virtual.advance(1)
    expect(sent.at(-1)).toBe('c to 9092')
  })

  it('lets them wait where the answer holds an error, too', async () => {
    const { virtual, sent, answers, call } = connectionsTo()
    void call('a')
    await settled()
    answers[0]!(refusedWith({ throttleTimeMs: 1000 }))
    await settled()
    void call('b')
    await virtual.advance(999)
    expect(sent).toHaveLength(1)
    await virtual.advance(1)
    expect(sent).toHaveLength(2)
  })

  it('lets nobody wait who closes: what was not sent is refused', async () => {
    const { virtual, sent, answers, connections, call } = connectionsTo()
    const first = call('a')
    await settled()
    answers[0]!({ throttleTimeMs: 30_000 })
    await first
    const waiting = expect(call('b')).rejects.toMatchObject({ code: 'CLOSED' })
    await connections.close()
    await waiting
    await virtual.advance(30_000)
    expect(sent).toHaveLength(1)
  })
})
