import { EventEmitter } from 'node:events'
import { expect, it } from 'vitest'
import type { ClientLibrary } from '../../src/kafka/client-library.ts'
import { ConnectionsFactory } from '../../src/kafka/connections.ts'
import { collectWarnings } from '../helpers/warnings.ts'

const warnings = collectWarnings()

const never = new Promise<void>(() => {})

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
  const factory = new ConnectionsFactory(failing, 'brokerlet', {} as never, undefined)
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
  const factory = new ConnectionsFactory(library, 'brokerlet', {} as never, undefined)
  factory.open()
  becomes(connection)
  await factory.close(never)
  expect(destroyed).toBe(times)
})
