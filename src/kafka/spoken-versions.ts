import type { ClientLibrary } from './client-library.ts'
import { ClusterError } from './cluster-error.ts'
import type { Api } from './library-messages.ts'

interface SpokenApi {
  readonly apiKey: number
  readonly minVersion: number
  readonly maxVersion: number
}

/** Which versions of Kafka's APIs a cluster speaks: a broker closes the connection on another one. */
export class SpokenVersions {
  readonly #names: ClientLibrary['protocolAPIsById']
  #spoken: ReadonlyMap<number, SpokenApi> | undefined

  constructor({ protocolAPIsById }: ClientLibrary) {
    this.#names = protocolAPIsById
  }

  learn(spoken: readonly SpokenApi[]): void {
    this.#spoken = new Map(spoken.map(api => [api.apiKey, api]))
  }

  /** Whether this version of an API is among them; true as long as nothing is known of them. */
  speak({ api: { key, version } }: Api<never, unknown>): boolean {
    if (this.#spoken === undefined) return true
    const { minVersion = 0, maxVersion = -1 } = this.#spoken.get(key) ?? {}
    return minVersion <= version && version <= maxVersion
  }

  /** @throws ClusterError where it is not, that names it after `what` */
  require(api: Api<never, unknown>, what: string): void {
    if (this.speak(api)) return
    const { key, version } = api.api
    const spoken = this.#spoken?.get(key)
    const others = spoken === undefined ? '' : `, only ${spoken.minVersion} to ${spoken.maxVersion}`
    const name = this.#names[key] ?? `Kafka's API ${key}`
    const why = `the cluster does not speak version ${version} of ${name}${others}; Apache Kafka 4.0 does`
    throw new ClusterError('UNSUPPORTED_VERSION', `${what}: ${why}`)
  }
}
