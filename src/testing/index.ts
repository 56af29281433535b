/**
 * `brokerlet/testing`: a broker for tests, whose time stands still until it is moved. Begin with {@link TestBroker};
 * `docs/testing.md` explains it.
 *
 * @packageDocumentation
 */
export type { Barrier, FaultRuleUse, FaultTimes } from '../fault-rules.ts'
export {
  assertDuplicatesOnlyAfterRebalance,
  assertEveryKeyInOrder,
  assertNoCommitPastProcessed,
  assertNothingLost,
  type ObservedBroker,
  processedBy,
} from './assertions.ts'
export type { ExpectedRecord } from './expected-record.ts'
export type { FaultUse } from './fault-plan.ts'
export { FaultPlan } from './fault-plan.ts'
export type { FaultScope, Operation } from './fault-scope.ts'
export { type BrokerFixtureOptions, brokerFixture } from './fixture.ts'
export { type BrokerMatchers, matchers } from './matchers.ts'
export { Random } from './random.ts'
export { assertProcessed, assertRecords } from './record-assertions.ts'
export type { RunnerTimers } from './runner-clock.ts'
export type { ActionContext, GroupPromise, Scenario, ServiceInstance } from './scenario.ts'
export type { StepKind, StepWeights } from './schedule.ts'
export { type SimulateOptions, type SimulationReport, simulate } from './simulate.ts'
export { SimulatedFaultError } from './simulated-broker.ts'
export { SimulationError } from './simulation-error.ts'
export type { AdvanceUntilIdleOptions, CrashTarget, TestBrokerOptions } from './test-broker.ts'
export { TestBroker } from './test-broker.ts'
export { Timeline } from './timeline.ts'
export type { EntryOf, TimelineEntry, TimelineEvent } from './timeline-entry.ts'
export { VirtualClock } from './virtual-clock.ts'
