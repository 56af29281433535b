import type { Partition } from '../../log/partition.ts'
import type { ClusterNode } from '../cluster/cluster-node.ts'
import { entryOf } from '../entry-of.ts'
import type { RequestContext } from '../handler.ts'
import type { Wire } from '../wire.ts'
import type { WireErrorCode } from '../wire-error-code.ts'
import { type NamedPartitions, ShareSession } from './share-session.ts'

/** The member whose session it is. */
export interface SessionOwner {
  readonly groupId: string
  readonly memberId: string
}

export const sessionEpochs = { first: 0, final: -1 } as const

type Where = Pick<RequestContext, 'node' | 'signal'>

/** A session, which is watched until its connection ends. */
interface Held {
  readonly session: ShareSession
  unwatch(): void
}

/**
 * The sessions of share consumers, up to a limit for each broker. What a member has acquired at a broker is released
 * when its session there ends, or the connection on which that began. (Kafka: ShareSessionCache)
 */
export class ShareSessions {
  readonly #wire: Wire
  readonly #most: number
  readonly #byNode = new Map<ClusterNode, Map<string, Held>>()
  // The broker that led a partition when records of it were acquired last.
  readonly #leaders = new WeakMap<Partition, ClusterNode>()
  // What ends with a connection. A signal warns of more than ten listeners, and a connection may have many sessions.
  readonly #ends = new WeakMap<AbortSignal, Set<() => void>>()

  constructor(wire: Wire, most: number) {
    this.#wire = wire
    this.#most = most
    wire.cluster.listeners.add(() => this.#leadersMoved())
  }

  /** Notes that records of a partition were acquired at a broker. */
  acquiredAt(node: ClusterNode, log: Partition): void {
    if (this.#wire.cluster.nodes.length > 1) this.#leaders.set(log, node)
  }

  // The next leader knows how often a record was delivered, but not to which member.
  #leadersMoved(): void {
    const { cluster, shareGroups } = this.#wire
    for (const { partitions } of shareGroups.all) {
      for (const log of partitions.all.keys()) {
        const node = this.#leaders.get(log)
        if (node !== undefined && cluster.leadershipOf(log).leader !== node) partitions.releaseAll(log)
      }
    }
  }

  /** Begins a session, in place of the one that the member had at that broker. */
  open(
    owner: SessionOwner,
    { node, signal }: Where,
    topics: readonly NamedPartitions[],
  ): ShareSession | WireErrorCode {
    // Nothing would end it.
    if (signal.aborted) return 'SHARE_SESSION_NOT_FOUND'
    const sessions = this.#at(node)
    this.#forget(owner, node)
    if (sessions.size >= this.#most) return 'SHARE_SESSION_LIMIT_REACHED'
    const session = new ShareSession()
    session.update(topics, [])
    sessions.set(keyOf(owner), { session, unwatch: this.#watch(signal, () => this.close(owner, node)) })
    return session
  }

  #watch(signal: AbortSignal, end: () => void): () => void {
    const ends = entryOf(this.#ends, signal, () => {
      const all = new Set<() => void>()
      const endAll = () => {
        for (const each of all) each()
      }
      signal.addEventListener('abort', endAll, { once: true })
      return all
    })
    ends.add(end)
    return () => ends.delete(end)
  }

  /** The session, if the request is the next one of it. */
  next(owner: SessionOwner, node: ClusterNode, epoch: number): ShareSession | WireErrorCode {
    const session = this.get(owner, node)
    if (session === undefined) return 'SHARE_SESSION_NOT_FOUND'
    if (session.epoch !== epoch) return 'INVALID_SHARE_SESSION_EPOCH'
    session.advance()
    return session
  }

  get(owner: SessionOwner, node: ClusterNode): ShareSession | undefined {
    return this.#at(node).get(keyOf(owner))?.session
  }

  /** Ends a session, and releases what its member has acquired of its partitions that the broker leads. */
  close(owner: SessionOwner, node: ClusterNode): void {
    const { cluster, engine, shareGroups } = this.#wire
    const logs = new Set(
      this.get(owner, node)!.partitions.map(
        ({ topicId, partition }) => engine.topicsById.get(topicId)?.partitions[partition],
      ),
    )
    this.#forget(owner, node)
    const { partitions } = shareGroups.get(owner.groupId) ?? {}
    partitions?.release(owner.memberId, log => logs.has(log) && cluster.leadershipOf(log).leader === node)
  }

  #forget(owner: SessionOwner, node: ClusterNode): void {
    const sessions = this.#at(node)
    sessions.get(keyOf(owner))?.unwatch()
    sessions.delete(keyOf(owner))
  }

  #at(node: ClusterNode): Map<string, Held> {
    return entryOf(this.#byNode, node, () => new Map())
  }
}

function keyOf({ groupId, memberId }: SessionOwner): string {
  return JSON.stringify([groupId, memberId])
}
