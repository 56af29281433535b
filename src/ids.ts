import { customRandom, urlAlphabet } from 'nanoid'

/** The default source of randomness. */
export const systemRandom: () => number = Math.random

/** Makes a broker's ids out of its `random`, so that a seed gives the same ids. */
export class Ids {
  readonly #bytes: (size: number) => Uint8Array
  readonly #nano: (size?: number) => string
  #members = 0

  constructor(random: () => number) {
    this.#bytes = size => Uint8Array.from({ length: size }, () => Math.floor(random() * 256))
    this.#nano = customRandom(urlAlphabet, 12, this.#bytes)
  }

  /** A member id: client id, number of the join and a random part, so that ids of one client id sort by arrival. */
  memberId(clientId: string): string {
    return `${clientId}-${String(++this.#members).padStart(6, '0')}-${this.#nano()}`
  }

  /** A random UUID (version 4), which is what Kafka's topic ids are. */
  uuid(): string {
    const bytes = this.#bytes(16)
    bytes[6] = (bytes[6]! & 0x0f) | 0x40
    bytes[8] = (bytes[8]! & 0x3f) | 0x80
    const hex = Array.from(bytes, byte => byte.toString(16).padStart(2, '0')).join('')
    return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`
  }
}
