import { expect, it } from 'vitest'
import { BrokerClock } from '../../src/broker-clock.ts'
import type { AssignmentUpdate, MembershipListener } from '../../src/engine.ts'
import { ConsumerGroup, type GroupHost } from '../../src/group/consumer-group.ts'
import type { GroupMember } from '../../src/group/group-member.ts'
import { OffsetStore } from '../../src/group/offset-store.ts'
import { CommitFailedError } from '../../src/index.ts'
import { Outbox } from '../../src/outbox.ts'
import { thrownBy } from '../helpers/errors.ts'
import { testBroker } from '../helpers/test-broker.ts'

// A consumer never asks for what these refuse, since it knows what it has lost. A group must not rely on that.

const t0 = { topic: 't', partition: 0 } as const

class Listener implements MembershipListener {
  readonly autoCommit = false
  readonly autoOffsetReset = 'earliest'
  readonly isolationLevel = 'read_committed'
  readonly updates: AssignmentUpdate[] = []

  assignmentChanged(update: AssignmentUpdate): void {
    this.updates.push(update)
  }

  fenced(): void {}

  position(): undefined {
    return undefined
  }

  /** The epoch under which the partition was assigned last. */
  get epoch(): number {
    return this.updates.flatMap(({ assigned }) => assigned).at(-1)!.assignmentEpoch
  }
}

/** A group on one topic of one partition, whose members are made by hand. */
function group() {
  const { broker, clock } = testBroker()
  broker.createTopic('t', {}).append({ value: 0 })
  const outbox = new Outbox()
  const nothing = () => {}
  const host: GroupHost = {
    clock: new BrokerClock(clock),
    outbox,
    offsets: new OffsetStore(),
    topics: broker.topics as GroupHost['topics'],
    offsetsRetentionMs: -1,
    rebalanced: nothing,
    memberJoined: nothing,
    memberLeft: nothing,
    failed: nothing,
    held: () => undefined,
    touch: nothing,
    waitUntil: () => Promise.resolve(),
    requirePartition: nothing,
    registered: nothing,
    unregistered: nothing,
    expired: nothing,
  }
  const made = new ConsumerGroup('g', host)
  const join = (memberId: string): { member: GroupMember; listener: Listener } => {
    const listener = new Listener()
    const member = made.join(
      {
        memberId,
        clientId: memberId,
        groupInstanceId: undefined,
        subscription: { names: new Set(['t']) },
        rebalanceTimeoutMs: 1000,
        sessionTimeoutMs: 1000,
        listener,
      },
      undefined,
    )
    outbox.flush()
    return { member, listener }
  }
  return { group: made, join, flush: () => outbox.flush() }
}

it('refuses a commit of what a member has released, though nobody has it yet', () => {
  const { group: g, join, flush } = group()
  const { member, listener } = join('a')
  const { epoch } = listener
  g.subscribe(member, { names: new Set<string>() })
  flush()
  g.commits.commit(member, [{ ...t0, offset: 1, assignmentEpoch: epoch }])
  g.release(member, [t0])
  const error = thrownBy(() => g.commits.commit(member, [{ ...t0, offset: 0, assignmentEpoch: epoch }]))
  expect(error).toBeInstanceOf(CommitFailedError)
  expect(error).toMatchObject({ code: 'STALE_MEMBER_EPOCH' })
  expect(g.committed(t0)).toEqual({ offset: 1 })
})

it('refuses a commit under an assignment before the one that is held, on the quick way, too', () => {
  const { group: g, join, flush } = group()
  const { member, listener } = join('a')
  const old = { epoch: listener.epoch, offset: g.commits.owned(member, t0, listener.epoch)! }
  old.offset.commit(1)
  g.subscribe(member, { names: new Set<string>() })
  g.release(member, [t0])
  g.subscribe(member, { names: new Set(['t']) })
  flush()
  expect(listener.epoch).toBeGreaterThan(old.epoch)
  const late = [{ ...t0, offset: 0, assignmentEpoch: old.epoch }]
  expect(thrownBy(() => g.commits.commit(member, late))).toMatchObject({ code: 'STALE_MEMBER_EPOCH' })
  // Once the entry that is rewritten in place is there, too.
  g.commits.owned(member, t0, listener.epoch)!.commit(1)
  expect(thrownBy(() => old.offset.commit(0))).toMatchObject({ code: 'STALE_MEMBER_EPOCH' })
  expect(g.committed(t0)).toEqual({ offset: 1 })
})

it('refuses the commit of a member that was removed, on the quick way, too', () => {
  const { group: g, join, flush } = group()
  const { member, listener } = join('a')
  const owned = g.commits.owned(member, t0, listener.epoch)!
  owned.commit(1)
  g.leave(member)
  const next = join('b')
  flush()
  g.commits.owned(next.member, t0, next.listener.epoch)!.commit(1)
  expect(thrownBy(() => owned.commit(0))).toMatchObject({ code: 'UNKNOWN_MEMBER_ID' })
  expect(g.committed(t0)).toEqual({ offset: 1 })
})
