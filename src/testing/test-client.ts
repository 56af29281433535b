import type { Interest } from '../engine.ts'
import type { MaybePromise } from '../maybe-promise.ts'
import type { FaultPlan } from './fault-plan.ts'
import type { FaultPoint, Operation } from './fault-scope.ts'
import type { Redeliveries } from './redeliveries.ts'
import type { Timeline } from './timeline.ts'

/** What the clients of a test broker share. */
export interface TestBench {
  readonly faults: FaultPlan
  readonly timeline: Timeline
  readonly redeliveries: Redeliveries
  /** Who is joining at this moment and has not heard its name: the group tells it before it answers. */
  joining: { joined(memberId: string): void } | undefined
  /** Whether the code that runs now belongs to a process that died. */
  silenced(): boolean
}

/** Who a client is, for faults and for the timeline. */
export class TestClient {
  readonly bench: TestBench
  readonly clientId: string
  readonly group: string | undefined
  readonly groupInstanceId: string | undefined
  readonly autoCommit: boolean
  /** While it is a member. */
  memberId: string | undefined
  /** It died: whatever it still does reaches nobody. */
  crashed = false

  constructor(
    bench: TestBench,
    identity: {
      readonly clientId: string
      readonly group?: string | undefined
      readonly groupInstanceId?: string | undefined
      readonly autoCommit?: boolean | undefined
    },
  ) {
    this.bench = bench
    this.clientId = identity.clientId
    this.group = identity.group
    this.groupInstanceId = identity.groupInstanceId
    this.autoCommit = identity.autoCommit ?? true
  }

  /** As the timeline names it. */
  get member(): string {
    return this.memberId ?? this.clientId
  }

  get names(): readonly string[] {
    return [this.memberId, this.clientId, this.groupInstanceId].filter(each => each !== undefined)
  }

  /** Meets the faults that are planned for what it is about to do. */
  meet(operation: Operation, partitions: FaultPoint['partitions']): MaybePromise<void> {
    if (!this.bench.faults.active) return
    return this.bench.faults.meet({ operation, partitions, group: this.group, members: this.names })
  }
}

/** Goes on once faults are met, which is at once where there are none. */
export function after<T>(met: MaybePromise<void>, go: () => MaybePromise<T>): MaybePromise<T> {
  return met === undefined ? go() : met.then(go)
}

/** What an interest names; patterns name nothing. */
export function placesOf(interest: Interest): FaultPoint['partitions'] {
  if (interest.kind === 'topics') return interest.names.map(topic => ({ topic }))
  return interest.kind === 'assign' ? interest.partitions : []
}
