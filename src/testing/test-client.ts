import type { Interest } from '../engine.ts'
import { isPromise, type MaybePromise } from '../maybe-promise.ts'
import type { AnyRecord } from '../record.ts'
import type { FaultPlan } from './fault-plan.ts'
import type { FaultPoint, Operation } from './fault-scope.ts'
import type { Moment } from './moment.ts'
import type { Redeliveries } from './redeliveries.ts'
import type { PendingTimer } from './test-clock.ts'
import type { Timeline } from './timeline.ts'
import type { ClientEvent, TimelineEvent } from './timeline-entry.ts'

/** What the clients of a test broker share. */
export interface TestBench {
  readonly faults: FaultPlan
  readonly timeline: Timeline
  readonly moment: Moment
  readonly redeliveries: Redeliveries
  /** The member that is joining and does not know its id yet: the group reports the id before `join` returns. */
  joining: { joined(memberId: string): void } | undefined
  /** Whether the code that runs now belongs to a simulated process that died. */
  silenced(): boolean
  /** An answer for the code that runs now, which never comes where that belongs to a simulated process that dies first. */
  heard<T>(answer: Promise<T>): Promise<T>
  /** The same for the answer to a write, of which such a process may be due to die. */
  written<T>(answer: MaybePromise<T>): MaybePromise<T>
  /** The broker's time. */
  now(): number
  /** What waits for the broker's time. */
  pending(): readonly PendingTimer[]
  /** Whether clients of a server may be at work, in real time. */
  served(): boolean
}

/** The identity of a client, for faults and for the timeline. */
export class TestClient {
  readonly bench: TestBench
  readonly clientId: string
  readonly group: string | undefined
  readonly groupInstanceId: string | undefined
  readonly autoCommit: boolean
  /** The member id, while the client is a member. */
  memberId: string | undefined
  /** Called when it has committed. */
  onCommit: (() => void) | undefined
  /** It died: nothing that it still does has any effect. */
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

  /** The name of this client in the timeline. */
  get member(): string {
    return this.memberId ?? this.clientId
  }

  get names(): readonly string[] {
    return [this.memberId, this.clientId, this.groupInstanceId].filter(each => each !== undefined)
  }

  /** Records in the timeline what happened to this client; `record` is what it was handed. */
  note(event: ClientEvent, record?: AnyRecord): void {
    const { bench, group, member } = this
    bench.timeline.record({ group, member, ...event } as TimelineEvent, record)
  }

  /** Applies the faults that are planned for this operation. */
  meet(operation: Operation, partitions: FaultPoint['partitions']): MaybePromise<void> {
    if (!this.bench.faults.active) return
    return this.bench.faults.meet({ operation, partitions, group: this.group, members: this.names })
  }
}

/** Calls `go` with an answer: now, if it is there now. */
export function after<A, T>(answer: MaybePromise<A>, go: (answer: A) => MaybePromise<T>): MaybePromise<T> {
  return isPromise(answer) ? answer.then(go) : go(answer)
}

/** The topics or partitions that an interest names; a pattern names none. */
export function placesOf(interest: Interest): FaultPoint['partitions'] {
  if (interest.kind === 'topics') return interest.names.map(topic => ({ topic }))
  return interest.kind === 'assign' ? interest.partitions : []
}
