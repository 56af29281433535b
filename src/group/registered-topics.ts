import type { BrokerClock } from '../broker-clock.ts'
import type { GroupTopics } from './group-log.ts'

/** What the registered topics of a group need of the group. */
export interface RegisteredTopicsHost {
  readonly clock: BrokerClock
  readonly topics: GroupTopics
  /** Whether a member reads the topic, or would if it existed. */
  subscribed(topic: string): boolean
  /** The group reads the topic, or has an offset of it: its records are kept for the group. */
  registered(topic: string): void
  /** No records of the topic have to be kept for the group any more. */
  unregistered(topic: string): void
}

/** Topics that members of a group have read: their records wait for the group until it forgets them. */
export class RegisteredTopics {
  readonly #host: RegisteredTopicsHost
  // By name: when it was found that no member reads the topic any more, and undefined while one does.
  readonly #unreadSince = new Map<string, number | undefined>()

  constructor(host: RegisteredTopicsHost) {
    this.#host = host
  }

  has(topic: string): boolean {
    return this.#unreadSince.has(topic)
  }

  add(topics: readonly string[]): void {
    for (const topic of topics) {
      if (!this.has(topic)) this.#beginToRead(topic)
      this.#unreadSince.set(topic, undefined)
      this.#host.registered(topic)
    }
  }

  // It may be long until a member reads, or commits, and what is dropped until then the group has not read.
  #beginToRead(topic: string): void {
    for (const log of this.#host.topics.get(topic)?.partitions ?? []) log.readFrom(0)
  }

  /** The members, or what they read, have changed. */
  membersChanged(): void {
    for (const [topic, since] of this.#unreadSince) {
      if (this.#host.subscribed(topic)) this.#unreadSince.set(topic, undefined)
      else if (since === undefined) this.#unreadSince.set(topic, this.#host.clock.now())
    }
  }

  /** The topics that no member reads any more, and since when. */
  *unread(): IterableIterator<readonly [topic: string, since: number]> {
    for (const [topic, since] of this.#unreadSince) if (since !== undefined) yield [topic, since]
  }

  /** The topic no longer waits for the group: no member reads it, and the group has no offsets of it. */
  forget(topic: string): void {
    this.#unreadSince.delete(topic)
    this.#host.unregistered(topic)
  }

  /** The same for a topic that was deleted: a later one of that name does not wait for readers of this one. */
  deleted(topic: string): void {
    this.#unreadSince.delete(topic)
  }
}
