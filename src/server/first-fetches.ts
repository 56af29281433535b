import type { Partition } from '../log/partition.ts'

interface Client {
  readonly members: Set<string>
  /** Whether another member had the same client id: then nobody can tell whose fetches they are. */
  shared: boolean
  readonly offsets: WeakMap<Partition, number>
}

/**
 * Where the client of each member began to read each partition. A member without a committed offset was not given the
 * records before that. A fetch names only its client id, so this is known only for a client id with a single member.
 */
export class FirstFetches {
  readonly #clients = new Map<string, Client>()

  /** A new member has joined. */
  joined(clientId: string, memberId: string): void {
    const client = this.#clients.get(clientId)
    if (client === undefined) {
      this.#clients.set(clientId, { members: new Set([memberId]), shared: false, offsets: new WeakMap() })
    } else if (!client.members.has(memberId)) {
      client.members.add(memberId)
      client.shared = true
    }
  }

  left(clientId: string, memberId: string): void {
    const client = this.#clients.get(clientId)
    client?.members.delete(memberId)
    if (client?.members.size === 0) this.#clients.delete(clientId)
  }

  /** A client fetches from an offset. Returns whether it has not fetched from there or before it until now. */
  note(clientId: string, log: Partition, offset: number): boolean {
    const offsets = this.#clients.get(clientId)?.offsets
    const first = offsets?.get(log)
    if (offsets === undefined || (first !== undefined && offset >= first)) return false
    offsets.set(log, offset)
    return true
  }

  /** Where a member's client began to read a partition, if that is known. */
  of(clientId: string, log: Partition): number | undefined {
    const client = this.#clients.get(clientId)
    return client?.shared ? undefined : client?.offsets.get(log)
  }
}
