import type { TopicMap } from '../topic-definition.ts'
import {
  anObject,
  anything,
  type Check,
  type Checks,
  callback,
  checkOptions,
  invalidOption,
  listOf,
  optionError,
} from '../validate.ts'
import { describeValue } from '../value-text.ts'
import type { Random } from './random.ts'
import { hasItsOwn, type TestBroker, type TestBrokerOptions, testBrokerChecks } from './test-broker.ts'

/** One running instance of a service, as a process would be. */
export interface ServiceInstance {
  /**
   * The service and a number, `billing-1`. The successor of an instance that is gone takes its name, as a pod's would.
   */
  readonly name: string
}

/** What an action gets. */
export interface ActionContext<Topics extends TopicMap> {
  readonly broker: TestBroker<Topics>
  /** The number of the action's step in the schedule: unique, and the same in a shortened schedule. */
  readonly step: number
  /** A random source of the action's own: it draws the same values whatever other steps do. */
  readonly random: Random
}

/** A promise that a simulation checks for every group at the end. */
export type GroupPromise = 'nothingLost' | 'noCommitPastProcessed' | 'everyKeyInOrder'

/**
 * What a simulation runs: services, and actions on them from outside. The options of its broker stand beside
 * them: `topics`, `codec` and so on.
 */
export interface Scenario<Topics extends TopicMap>
  extends Omit<TestBrokerOptions<Topics>, 'seed' | 'timers'> {
  /**
   * Each function starts one instance of its service on the broker. The instance owns what the function makes there:
   * its consumers are closed when it stops. When it dies they die with it, what it still sends never arrives, and what
   * it awaits of its clients or of `clock.sleep` never comes. An instance whose function rejects has died.
   */
  services: Readonly<Record<string, (broker: TestBroker<Topics>, instance: ServiceInstance) => unknown>>
  /** What happens from outside, each action at any time: an order is sent, a customer is deleted. */
  actions: Readonly<Record<string, (context: ActionContext<Topics>) => unknown>>
  /** Throws where something is wrong that must never be; called after each step. */
  always?: ((broker: TestBroker<Topics>) => unknown) | undefined
  /** Throws where something is wrong at the end, when no faults are left and the broker is idle. */
  check?: ((broker: TestBroker<Topics>) => unknown) | undefined
  /**
   * What must hold for every group at the end, beside `check`; default `nothingLost` and `everyKeyInOrder`. A record is
   * processed when its handler has ended, or a transaction with its offset has committed. Where handlers commit by hand,
   * one that dies between its commit and its end has lost the record, and `noCommitPastProcessed` does not hold.
   */
  promises?: readonly GroupPromise[] | undefined
}

/** The parts of a scenario, with the broker's options apart. */
export interface ScenarioParts<Topics extends TopicMap> {
  readonly services: Scenario<Topics>['services']
  readonly actions: Scenario<Topics>['actions']
  readonly always: Scenario<Topics>['always']
  readonly check: Scenario<Topics>['check']
  readonly promises: readonly GroupPromise[]
  readonly broker: TestBrokerOptions<Topics>
}

const defaultPromises: readonly GroupPromise[] = ['nothingLost', 'everyKeyInOrder']
const allPromises: readonly GroupPromise[] = ['nothingLost', 'noCommitPastProcessed', 'everyKeyInOrder']

const functions = {
  services: 'functions that start a service, by name, at least one',
  actions: 'functions that do something from outside, by name, at least one',
}

function requireFunctions(option: keyof typeof functions, value: unknown): void {
  const expected = functions[option]
  const refused = (received: string) =>
    optionError('simulate', option, `expected ${expected}; received ${received}`, {
      expected,
      received: value,
    })
  if (!anObject.accepts(value)) throw refused(describeValue(value))
  const entries = Object.entries(value as object)
  if (entries.length === 0) throw refused('none')
  for (const [name, each] of entries) {
    if (typeof each !== 'function') throw refused(`${describeValue(each)} as '${name}'`)
  }
}

const promiseList: Check = listOf({
  expected: allPromises.map(each => `'${each}'`).join(', '),
  accepts: value => allPromises.includes(value as GroupPromise),
})

const own = hasItsOwn('a simulation')

const elsewhere: Check = {
  expected: 'nothing: it goes into the second argument',
  accepts: () => false,
}

type Refused = 'timers' | 'clock' | 'random' | keyof typeof ofSimulation

// What is said of all its schedules.
const ofSimulation = {
  seeds: elsewhere,
  seed: elsewhere,
  only: elsewhere,
  steps: elsewhere,
  weights: elsewhere,
  instances: elsewhere,
  shrinkAttempts: elsewhere,
}

const scenarioChecks: Checks<Scenario<TopicMap> & { [Name in Refused]?: unknown }> = {
  ...testBrokerChecks,
  ...ofSimulation,
  timers: own,
  clock: own,
  random: own,
  services: anything,
  actions: anything,
  always: callback,
  check: callback,
  promises: promiseList,
}

/** Checks a scenario and takes it apart; the broker checks its own options. */
export function toParts<Topics extends TopicMap>(scenario: Scenario<Topics>): ScenarioParts<Topics> {
  if (typeof scenario !== 'object' || scenario === null)
    throw invalidOption('simulate', 'scenario', 'an object with services and actions', scenario)
  checkOptions('simulate', scenario as Scenario<TopicMap>, scenarioChecks)
  const { services, actions, always, check, promises, ...broker } = scenario
  const parts = { services, actions, always, check, promises }
  requireFunctions('services', services)
  requireFunctions('actions', actions)
  return { ...parts, promises: promises ?? defaultPromises, broker: broker as TestBrokerOptions<Topics> }
}
