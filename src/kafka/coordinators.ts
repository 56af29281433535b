import type { Ask } from './ask.ts'
import type { ClientLibrary } from './client-library.ts'
import type { BrokerAddress } from './library-connection.ts'

// Kafka's numbers of the kinds of coordinators.
const types = { group: 0, transaction: 1 } as const

export type CoordinatorType = keyof typeof types

/** Whoever knows brokers to ask. */
export interface CoordinatorsHost {
  readonly library: ClientLibrary
  /** Asks one broker, once. */
  askOne<Request extends readonly unknown[], Response>(ask: Ask<Request, Response>): Promise<Response>
}

/** Knows which broker coordinates each group and each transactional id, from when it was first asked for. */
export class Coordinators {
  readonly #host: CoordinatorsHost
  readonly #known = new Map<string, BrokerAddress>()

  constructor(host: CoordinatorsHost) {
    this.#host = host
  }

  /**
   * Resolves with the coordinator; asks a broker for it where it is not known, and only once: the caller retries, since it
   * may have reasons to stop.
   *
   * @throws ClusterError where it is not known, and that broker does not tell
   */
  async of(type: CoordinatorType, key: string): Promise<BrokerAddress> {
    const id = `${type} ${key}`
    const known = this.#known.get(id)
    if (known !== undefined) return known
    const { coordinators } = await this.#host.askOne({
      what: `Finding the coordinator of ${type} '${key}'`,
      api: this.#host.library.findCoordinatorV4,
      request: () => [types[type], [key]] as const,
      errno: response => response.coordinators[0]!.errorCode,
      message: response => response.coordinators[0]!.errorMessage,
    })
    const { host, port } = coordinators[0]!
    this.#known.set(id, { host, port })
    return { host, port }
  }

  /** It may be another one by now. */
  forget(type: CoordinatorType, key: string): void {
    this.#known.delete(`${type} ${key}`)
  }
}
