import type { Engine } from '../engine.ts'
import type { Events } from '../events.ts'
import type { AnyRecord } from '../record.ts'
import type { ConsumerControl } from './consumer-control.ts'
import type { ConsumerCoordinator } from './consumer-coordinator.ts'
import type { ConsumerEvents } from './consumer-events.ts'
import type { Fetcher } from './fetcher.ts'
import type { PartitionState } from './partition-state.ts'
import type { Pauses } from './pauses.ts'

/** What a way of consuming needs of its consumer. */
export interface WorkerHost {
  readonly engine: Engine
  readonly groupId: string | undefined
  readonly clientId: string
  readonly events: Events<ConsumerEvents>
  readonly coordinator: ConsumerCoordinator
  readonly fetcher: Fetcher
  readonly control: ConsumerControl
  readonly pauses: Pauses
  /** Says that a record was finished: the delays of later restarts begin anew. */
  progressed(): void
  /** Says that nothing is left to fetch: a bounded read may be complete. */
  ranDry(): void
  /**
   * Says that a handler failed for good, or what else failed at a record: stops the consumer, or lets it leave and come
   * back.
   */
  failed(error: unknown, record: AnyRecord, then: 'stop' | 'restart', what?: string): void
  /** Says that the consumer cannot go on; `record` is the one at hand, if there is one. */
  fatal(error: unknown, record?: AnyRecord): void
}

/** One of the ways to consume: `run`, an iterator or `poll`. */
export interface Worker {
  /** Says that the session has something to read, or that a wait is over. */
  wake(): void
  /** Hands out nothing more. */
  stop(): void
  /** Says that its consumer has ended; left out where nothing is to be done then. */
  end?(): void
  /** Goes on after a restart; left out where no handler can fail. */
  resume?(): void
  /** Says that partitions are given up or lost: their retries and half-filled batches are forgotten. */
  halted(states: readonly PartitionState[]): void
  /** Says that the position of a partition was moved. */
  moved(state: PartitionState): void
  /** Resolves when every handler that it called has ended; left out where there is one at most, which is waited for anyway. */
  idle?(): Promise<void>
  /** What it is doing, as sentences; empty when it rests. */
  pending(): string[]
}
