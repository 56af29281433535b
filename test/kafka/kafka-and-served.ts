import { connect } from 'node:net'
import { Broker } from '../../src/index.ts'
import { serve } from '../../src/server/index.ts'
import { apis } from '../../src/server/protocol/apis.ts'
import type { Api } from '../../src/server/protocol/message.ts'
import { WireClient } from '../helpers/wire-client.ts'
import { type RealKafkaOptions, startRealKafka } from './real-kafka.ts'

/** Asks one of them. */
export type Ask = (api: keyof typeof apis, version: number, request: object) => Promise<any>

/** A real Kafka and a served broker, both new, which are asked the same. */
export class KafkaAndServed {
  readonly #open: (() => unknown)[] = []
  #ports: readonly number[] = []
  #asks: readonly Ask[] = []

  async start(options?: RealKafkaOptions): Promise<void> {
    const kafka = await startRealKafka(options)
    this.#open.push(() => kafka.close())
    const broker = new Broker()
    this.#open.push(() => broker.close())
    const { port } = await serve(broker)
    this.#ports = [kafka.port, port]
    this.#asks = this.#ports.map(each => this.#connect(each))
  }

  #connect(port: number): Ask {
    const socket = connect(port, '127.0.0.1')
    this.#open.push(() => socket.destroy())
    const client = new WireClient(socket)
    return (api, version, request) =>
      client.call(apis[api] as Api, version, { timeoutMs: 10_000, ...request })
  }

  /** The answers of the real one and of the served one. */
  ask(api: keyof typeof apis, version: number, request: object): Promise<any[]> {
    return this.each(ask => ask(api, version, request))
  }

  /**
   * What comes of the same conversation with the real one, and with the served one. `connect` makes another connection
   * to the same one, for a request that is answered late.
   */
  each<T>(talk: (ask: Ask, connect: () => Ask) => Promise<T>): Promise<T[]> {
    return Promise.all(this.#asks.map((ask, i) => talk(ask, () => this.#connect(this.#ports[i]!))))
  }

  async close(): Promise<void> {
    for (const close of this.#open.splice(0).toReversed()) await close()
  }
}
