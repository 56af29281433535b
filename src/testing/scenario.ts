import type { TopicMap } from '../topic-definition.ts'
import { type Check, type Checks, callback, checkOptions, invalidOption } from '../validate.ts'
import type { Random } from './random.ts'
import { hasItsOwn, type TestBroker, type TestBrokerOptions, testBrokerChecks } from './test-broker.ts'

/** One running instance of a service: what a process would be. */
export interface ServiceInstance {
  /** The service and a number, `billing-1`; who comes after one that is gone takes its name, as a pod's would. */
  readonly name: string
}

/** What one thing that happens from outside may use. */
export interface ActionContext<Topics extends TopicMap> {
  readonly broker: TestBroker<Topics>
  /** Its place in the schedule: a number that no other action has, and the same in a shorter schedule. */
  readonly step: number
  /** Chance of its own: it draws the same, whatever happens elsewhere in the schedule. */
  readonly random: Random
}

/** What a simulation can promise of every group at the end. */
export type GroupPromise = 'nothingLost' | 'noCommitPastProcessed' | 'everyKeyInOrder'

/**
 * What a simulation runs: services, and what happens to them from outside. The options of a broker stand beside them:
 * `topics`, `codec` and so on.
 */
export interface Scenario<Topics extends TopicMap>
  extends Omit<TestBrokerOptions<Topics>, 'seed' | 'timers'> {
  /**
   * Starts one instance of each service on the broker. What it makes there is the instance's: when the instance stops its
   * consumers are closed, and when it dies they are dead with it, and what it still sends never arrives. An instance
   * whose function rejects has died.
   */
  services: Readonly<Record<string, (broker: TestBroker<Topics>, instance: ServiceInstance) => unknown>>
  /** What happens from outside, one by one in any order: an order is sent, a customer is deleted. */
  actions: Readonly<Record<string, (context: ActionContext<Topics>) => unknown>>
  /** Throws where something is wrong that must not be at any moment; called after each step. */
  always?: (broker: TestBroker<Topics>) => unknown
  /** Throws where something is wrong at the end, when nothing goes wrong any more and the broker is idle. */
  check?: (broker: TestBroker<Topics>) => unknown
  /**
   * What has to hold of every group at the end, beside `check`; default `nothingLost` and `everyKeyInOrder`. A record
   * is processed when its handler has ended: where handlers commit for themselves, one that dies between its commit and
   * its end has lost the record, and `noCommitPastProcessed` does not hold.
   */
  promises?: readonly GroupPromise[]
}

/** The parts of a scenario, the broker's options apart. */
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

const functions: Check = {
  expected: 'an object with at least one function',
  accepts: value =>
    typeof value === 'object' &&
    value !== null &&
    Object.keys(value).length > 0 &&
    Object.values(value).every(each => typeof each === 'function'),
}

const promiseList: Check = {
  expected: `an array of ${allPromises.map(each => `'${each}'`).join(', ')}`,
  accepts: value => Array.isArray(value) && value.every(each => allPromises.includes(each)),
}

const own = hasItsOwn('a simulation')

const scenarioChecks: Checks<
  Scenario<TopicMap> & { [Own in 'seed' | 'timers' | 'clock' | 'random']?: unknown }
> = {
  ...testBrokerChecks,
  seed: own,
  timers: own,
  clock: own,
  random: own,
  services: functions,
  actions: functions,
  always: callback,
  check: callback,
  promises: promiseList,
}

/** Checks a scenario and takes it apart; the broker's options are checked by the broker. */
export function toParts<Topics extends TopicMap>(scenario: Scenario<Topics>): ScenarioParts<Topics> {
  if (typeof scenario !== 'object' || scenario === null)
    throw invalidOption('simulate', 'scenario', 'an object with services and actions', scenario)
  checkOptions('simulate', scenario as Scenario<TopicMap>, scenarioChecks)
  const { services, actions, always, check, promises, ...broker } = scenario
  const parts = { services, actions, always, check, promises }
  for (const required of ['services', 'actions'] as const) {
    if (scenario[required] === undefined)
      throw invalidOption('simulate', required, functions.expected, undefined)
  }
  return { ...parts, promises: promises ?? defaultPromises, broker: broker as TestBrokerOptions<Topics> }
}
