import type { PendingCommit } from '../engine.ts'
import type { ErrorCode } from '../error-codes.ts'
import { BrokerletError, isBrokerletError } from '../errors.ts'
import type { ClassicIdentity } from '../group/classic-protocol.ts'
import { topicDeleted } from '../log/partition.ts'
import type { TopicPartitionOffset } from '../topic-partition.ts'
import { findLog } from './named-topic.ts'
import type { Wire } from './wire.ts'

type Steps = Pick<PendingCommit, 'check' | 'commit'>

/**
 * A client's commit in a group, at once or with a transaction. Without an identity it claims no membership. The member
 * is looked up for each step, because by the second one the client's group may assign in another way.
 */
export function groupCommit(
  wire: Wire,
  groupId: string,
  identity: ClassicIdentity | undefined,
  offsets: readonly TopicPartitionOffset[],
  transactional: boolean,
): PendingCommit {
  const { groupCoordinator } = wire.engine
  const anonymous = identity === undefined
  const now = () => (identity && ofMember(wire, groupId, identity, offsets)) ?? ofGroup()
  const ofGroup = (): Steps => ({
    check() {
      const streams = wire.streamsGroups.get(groupId)
      if (identity !== undefined) streams?.checkCommit(identity.memberId, identity.generation, offsets)
      const isClassic = identity !== undefined && streams === undefined
      const code = isClassic ? wire.groups.checkCommit(groupId, identity, transactional) : undefined
      if (code !== undefined) throw refused(code, groupId, identity!)
      // What is to be refused is refused here: a transaction's records already count by the time its offsets are
      // committed.
      groupCoordinator.checkCommitWithoutMember(groupId, offsets, anonymous)
    },
    commit: () => groupCoordinator.commitWithoutMember(groupId, offsets, anonymous),
  })
  const logs = offsets.map(({ topic, partition }) => findLog(wire, topic, partition))
  const check = () => {
    // A partition that does not exist belongs to no member, so its client is not told that it has lost it. An offset of
    // a topic that was deleted meanwhile is none of a later topic of that name.
    for (const [i, tp] of offsets.entries())
      if (wire.engine.partition(tp) !== logs[i]) throw topicDeleted(tp.topic)
    now().check()
  }
  const commit = () => {
    now().commit()
    const memberId = identity?.memberId || 'no member'
    wire.engine.outbox.show(wire.engine, 'clientCommitted', { groupId, memberId, offsets })
  }
  return { groupId, outbox: wire.engine.outbox, offsets, check, commit }
}

// The steps of a member whose group assigns; undefined if it is no such member.
function ofMember(
  wire: Wire,
  groupId: string,
  identity: ClassicIdentity,
  offsets: readonly TopicPartitionOffset[],
): Steps | undefined {
  const { memberId, generation } = identity
  const member = wire.members.get(groupId, memberId)
  if (member !== undefined) return member.prepareCommit(offsets, generation)
  const classic = wire.groups.findCommitter(groupId, identity)
  if (typeof classic === 'string') throw refused(classic, groupId, identity)
  if (classic === undefined) return undefined
  const { check, commit } = classic.prepareCommit(offsets, generation)
  const inItsWords = (step: () => void) => () => {
    try {
      step()
    } catch (error) {
      // A classic client knows only the errors of its own protocol.
      const stale = isBrokerletError(error) && error.code === 'STALE_MEMBER_EPOCH'
      throw stale ? refused('ILLEGAL_GENERATION', groupId, identity, error) : error
    }
  }
  return { check: inItsWords(check), commit: inItsWords(commit) }
}

function refused(code: ErrorCode, groupId: string, { memberId }: ClassicIdentity, cause?: unknown) {
  const message = `Member '${memberId}' may not commit in group '${groupId}'`
  return new BrokerletError(code, message, { groupId, memberId, ...(cause === undefined ? {} : { cause }) })
}

/** An offset that a client commits. Empty metadata is none, and so is a negative epoch. */
export function toCommit(
  topic: string,
  committed: {
    readonly partitionIndex: number
    readonly committedOffset: number
    readonly committedLeaderEpoch: number
    readonly committedMetadata: string | null
  },
): TopicPartitionOffset {
  const { partitionIndex: partition, committedOffset: offset, committedLeaderEpoch: leaderEpoch } = committed
  return {
    topic,
    partition,
    offset,
    ...(committed.committedMetadata ? { metadata: committed.committedMetadata } : {}),
    ...(leaderEpoch < 0 ? {} : { leaderEpoch }),
  }
}
