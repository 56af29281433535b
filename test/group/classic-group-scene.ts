import { BrokerClock } from '../../src/broker-clock.ts'
import { ClassicGroup, type ClassicState } from '../../src/group/classic-group.ts'
import type {
  ClassicJoin,
  ClassicJoined,
  ClassicSync,
  ClassicSynced,
} from '../../src/group/classic-protocol.ts'
import { VirtualClock } from '../../src/testing/virtual-clock.ts'

export const bytes = (text: string) => new Uint8Array(Buffer.from(text))

/** A classic group without members, calls to it with what most clients say, and what its keeper was told: states, and who left. */
export function start(options: { readonly initialRebalanceDelayMs?: number } = {}) {
  const clock = new VirtualClock()
  let ids = 0
  const states: ClassicState[] = []
  const gone: string[] = []
  const group = new ClassicGroup('g', {
    clock: new BrokerClock(clock),
    initialRebalanceDelayMs: options.initialRebalanceDelayMs ?? 0,
    newMemberId: clientId => `${clientId}-${++ids}`,
    changed: ({ state }) => states.push(state),
    left: (_, memberId) => gone.push(memberId),
    forgotten: () => {},
  })
  const join = (memberId: string, more: Partial<ClassicJoin> = {}) => {
    const answers: ClassicJoined[] = []
    group.join(
      {
        memberId,
        groupInstanceId: null,
        clientId: 'c',
        sessionTimeoutMs: 10_000,
        rebalanceTimeoutMs: 60_000,
        protocolType: 'consumer',
        protocols: [{ name: 'range', metadata: bytes('m') }],
        requireKnownMemberId: false,
        canSkipAssignment: true,
        ...more,
      },
      answer => answers.push(answer),
    )
    return answers
  }
  const sync = (
    joined: ClassicJoined,
    assignments: Record<string, string> = {},
    more: Partial<ClassicSync> = {},
  ) => {
    const answers: ClassicSynced[] = []
    group.sync(
      {
        memberId: joined.memberId,
        generation: joined.generation,
        groupInstanceId: null,
        protocolType: 'consumer',
        protocolName: 'range',
        assignments: Object.entries(assignments).map(([memberId, text]) => ({
          memberId,
          assignment: bytes(text),
        })),
        ...more,
      },
      answer => answers.push(answer),
    )
    return answers
  }
  const beat = ({ memberId, generation }: ClassicJoined) =>
    group.heartbeat({ memberId, generation, groupInstanceId: null })
  return { group, clock, states, gone, join, sync, beat }
}

/** Two members, both synced. */
export function two() {
  const all = start()
  const { join, sync } = all
  const alone = join('')[0]!
  sync(alone, { [alone.memberId]: 'all' })
  const second = join('')
  const first = join(alone.memberId)
  const leader = first[0]!
  const follower = second[0]!
  const waiting = sync(follower)
  sync(leader, { [leader.memberId]: 'one', [follower.memberId]: 'two' })
  return { ...all, leader, follower, waiting }
}
