import { connect } from 'node:net'
import { Broker, type BrokerOptions } from '../../src/index.ts'
import { type ServeOptions, serve } from '../../src/server/index.ts'
import { apis } from '../../src/server/protocol/apis.ts'
import type { Api } from '../../src/server/protocol/message.ts'
import { request as asBytes, WireClient } from '../helpers/wire-client.ts'
import { neverKilled, type RealKafkaOptions, startRealKafka } from './real-kafka.ts'
import { startRealKafkaCluster } from './real-kafka-cluster.ts'

/** Longer than a rebalance may take, and shorter than a test. */
const answerTimeoutMs = 75_000

/** Asks one of them. */
export type Ask = (api: keyof typeof apis, version: number, request: object) => Promise<any>

/** A connection of its own, until it ends. */
export type Connection = Ask & { readonly end: () => void }

interface Options {
  readonly broker?: BrokerOptions
  /** Three brokers each, of which the first is asked. */
  readonly cluster?: boolean
  /** Of the served one. */
  readonly serve?: ServeOptions
  /** Of the real Kafka. */
  readonly properties?: NonNullable<RealKafkaOptions['properties']>
  /**
   * Passwords of those who may connect, the first of whom asks. A connection is one of the user that its client is named
   * after.
   */
  readonly users?: Readonly<Record<string, string>>
}

/** A real Kafka and a served broker, both new, which are asked the same. */
export class KafkaAndServed {
  readonly #open: (() => unknown)[] = []
  #ports: readonly number[] = []
  #users: NonNullable<Options['users']> = {}
  #asks: readonly Ask[] = []

  async start(options: Options = {}): Promise<void> {
    const { broker: brokerOptions, cluster = false, users } = options
    const properties = { ...neverKilled, ...options.properties }
    const kafka = await (cluster
      ? startRealKafkaCluster({ properties })
      : startRealKafka({ properties, ...(users && { sasl: { users } }) }))
    this.#open.push(() => kafka.close())
    const node = 'nodes' in kafka ? kafka.node(1) : kafka
    const kafkaPort = users === undefined ? node.port : node.saslPort
    this.#users = users ?? {}
    const broker = new Broker(brokerOptions)
    this.#open.push(() => broker.close())
    const { port } = await serve(broker, {
      ...(cluster && { brokers: 3 }),
      ...(users && { sasl: { users, mechanisms: ['PLAIN'] } }),
      ...options.serve,
    })
    this.#ports = [kafkaPort, port]
    this.#asks = this.#ports.map(each => this.#connect(each))
  }

  /** The answers of the real one and of the served one. */
  ask(api: keyof typeof apis, version: number, request: object): Promise<any[]> {
    return this.each(ask => ask(api, version, request))
  }

  /**
   * What comes of the same conversation with the real one, and with the served one. `connect` makes another connection
   * to the same one, for a request that is answered late, or for a client with a name.
   */
  each<T>(talk: (ask: Ask, connect: (clientId?: string) => Connection) => Promise<T>): Promise<T[]> {
    return Promise.all(
      this.#asks.map((ask, i) => talk(ask, clientId => this.#connect(this.#ports[i]!, clientId))),
    )
  }

  #connect(port: number, clientId?: string): Connection {
    const socket = connect(port, '127.0.0.1')
    this.#open.push(() => socket.destroy())
    const client = new WireClient(socket, clientId, answerTimeoutMs)
    const proven = this.#prove(client)
    const ask: Ask = async (name, version, fields) => {
      await proven
      const [api, body] = [apis[name] as Api, { timeoutMs: 10_000, ...fields }]
      // Nobody answers a client that does not want to know.
      if (name === 'produce' && 'acks' in body && body.acks === 0)
        return client.send(asBytes(api, version, body))
      return client.call(api, version, body)
    }
    return Object.assign(ask, { end: () => void socket.end() })
  }

  async #prove(client: WireClient): Promise<void> {
    const [first] = Object.keys(this.#users)
    if (first === undefined) return
    const user = client.clientId ?? first
    await client.call(apis.saslHandshake, 1, { mechanism: 'PLAIN' })
    const authBytes = Buffer.from(`\0${user}\0${this.#users[user]}`)
    await client.call(apis.saslAuthenticate, 2, { authBytes })
  }

  async close(): Promise<void> {
    for (const close of this.#open.splice(0).toReversed()) await close()
  }
}
