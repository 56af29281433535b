import type { TopicPartitionOffset } from './topic-partition.ts'

/** What clients of a server tell their groups, by the names that an observer gets. */
export interface Shown {
  readonly clientJoined: ClientOfGroup
  readonly clientLeft: ClientOfGroup
  readonly clientCommitted: ClientOfGroup & { readonly offsets: readonly TopicPartitionOffset[] }
}

interface ClientOfGroup {
  readonly groupId: string
  readonly memberId: string
}

/** Queues events until the outermost call into the core has finished, so that no listener sees a change half done. */
export class Outbox {
  /** Called for every event when its listeners would be, even if it has none; `owner` is the object that emits it. */
  observer: ((owner: object, name: string, payload: unknown) => void) | undefined
  #queue: (() => void)[] = []
  #flushing = false

  /** Shows the observer at once what is no event: what clients of a server tell their groups. */
  show<Name extends keyof Shown>(owner: object, name: Name, payload: Shown[Name]): void {
    this.observer?.(owner, name, payload)
  }

  /** Does what consists of several calls into the core: no listener hears of the first before the last is done. */
  together(work: () => void): void {
    if (this.#flushing) return work()
    this.#flushing = true
    try {
      work()
    } finally {
      this.#flushing = false
      this.flush()
    }
  }

  push(deliver: () => void): void {
    this.#queue.push(deliver)
  }

  /**
   * Delivers the queued events, and those queued meanwhile; within a delivery it leaves them to the flush under way.
   */
  flush(): void {
    if (this.#flushing || this.#queue.length === 0) return
    this.#flushing = true
    try {
      for (let i = 0; i < this.#queue.length; i++) this.#queue[i]!()
    } finally {
      this.#queue = []
      this.#flushing = false
    }
  }
}
