import type { Partition } from '../log/partition.ts'

interface Client {
  readonly members: Set<string>
  /** Another one has been called the same: whose fetches they are cannot be told. */
  shared: boolean
  readonly offsets: WeakMap<Partition, number>
}

/**
 * Where the clients of members began to read each partition: a member of which nothing is committed has not been given what
 * is before that. Fetches do not say whose they are, so it is known only of a client id that no two members have.
 */
export class FirstFetches {
  readonly #clients = new Map<string, Client>()

  /** A member has joined that had not been there. */
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

  /** A client asks for a partition from that offset on; gives whether it has not asked for as much before. */
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
