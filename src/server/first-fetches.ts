import type { Broker } from '../broker.ts'
import type { Partition } from '../log/partition.ts'
import type { TopicPartition } from '../topic-partition.ts'

interface Client {
  /** The group of the first. */
  readonly groupId: string
  readonly members: Set<string>
  /** Whether a member of another group had the same client id: then nobody can tell which group fetched. */
  shared: boolean
  readonly offsets: WeakMap<Partition, number>
}

/**
 * Where the client of each member began to read each partition. A member without a committed offset was not given the
 * records before that. A fetch names only its client id, so this is known only for a client id of a single group: within
 * a group a partition is fetched by its owner.
 */
export class FirstFetches {
  readonly #clients = new Map<string, Client>()

  /** A new member has joined. */
  joined(clientId: string, groupId: string, memberId: string): void {
    const client = this.#clients.get(clientId)
    const member = keyOf(groupId, memberId)
    if (client === undefined) {
      const members = new Set([member])
      this.#clients.set(clientId, { groupId, members, shared: false, offsets: new WeakMap() })
    } else {
      client.members.add(member)
      client.shared ||= client.groupId !== groupId
    }
  }

  left(clientId: string, groupId: string, memberId: string): void {
    const client = this.#clients.get(clientId)
    client?.members.delete(keyOf(groupId, memberId))
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

  /** The same of a partition by its name. */
  by(clientId: string, topics: Broker['engine']['topics'], tp: TopicPartition): number | undefined {
    const log = topics.get(tp.topic)?.partitions[tp.partition]
    return log && this.of(clientId, log)
  }
}

function keyOf(groupId: string, memberId: string): string {
  return JSON.stringify([groupId, memberId])
}
