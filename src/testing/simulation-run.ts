import { NeverIdleError, TimeoutError } from '../errors.ts'
import type { Partition } from '../log/partition.ts'
import type { TopicMap } from '../topic-definition.ts'
import {
  assertEveryKeyInOrder,
  assertNoCommitPastProcessed,
  assertNothingLost,
  type ObservedBroker,
} from './assertions.ts'
import type { FaultScope, Operation } from './fault-scope.ts'
import { Random } from './random.ts'
import type { GroupPromise, ScenarioParts } from './scenario.ts'
import type { Step } from './schedule.ts'
import { isClosed, RunningService } from './service.ts'
import { isExpected, SimulatedBroker, SimulatedFaultError } from './simulated-broker.ts'
import type { TestBroker } from './test-broker.ts'
import type { Timeline } from './timeline.ts'

const promises: Readonly<Record<GroupPromise, (broker: ObservedBroker, group: string) => void>> = {
  nothingLost: assertNothingLost,
  noCommitPastProcessed: assertNoCommitPastProcessed,
  everyKeyInOrder: assertEveryKeyInOrder,
}

const stepMs = 10_000
const longestWaitMs = 3_600_000
const mostRounds = 100

/** One schedule, run on a broker of its own. */
export class SimulationRun<Topics extends TopicMap> {
  /** What the steps did, of those that found a target. */
  readonly done: { readonly step: Step; readonly what: string }[] = []
  readonly #parts: ScenarioParts<Topics>
  readonly #mostInstances: number
  readonly #broker: SimulatedBroker<Topics>
  readonly #services: RunningService[] = []
  readonly #underWay = new Map<Promise<unknown>, string>()
  #failure: { readonly error: unknown } | undefined
  // What an instance has died of by itself, of late.
  #diedOf: unknown

  constructor(parts: ScenarioParts<Topics>, seed: number, mostInstances: number) {
    this.#parts = parts
    this.#mostInstances = mostInstances
    this.#broker = new SimulatedBroker<Topics>({ ...parts.broker, seed }, error => this.#failed(error))
  }

  get timeline(): Timeline {
    return this.#broker.timeline
  }

  /** Runs the schedule; rejects with the first failure. */
  async run(schedule: readonly Step[]): Promise<void> {
    try {
      for (const service of Object.keys(this.#parts.services)) this.#start(service)
      await this.#broker.advance(0)
      for (const step of schedule) await this.#take(step)
      await this.#heal()
      await this.#check()
    } finally {
      await this.#broker.close({ timeoutMs: 0 })
    }
  }

  #failed(error: unknown): void {
    this.#failure ??= { error }
  }

  #throwFailure(): void {
    if (this.#failure !== undefined) throw this.#failure.error
  }

  async #take(step: Step): Promise<void> {
    const what = await this.#do(step)
    if (what !== undefined) this.done.push({ step, what })
    this.#throwFailure()
    await this.#parts.always?.(this.#public)
  }

  get #public(): TestBroker<Topics> {
    return this.#broker as unknown as TestBroker<Topics>
  }

  // Carries out a step and returns what it did; undefined where it found no target.
  #do(step: Step): string | undefined | Promise<string | undefined> {
    switch (step.kind) {
      case 'act':
        return this.#act(step)
      case 'start':
        return this.#start(step.name)
      case 'stop':
        return this.#stop(step)
      case 'crash':
        return this.#crash(step)
      case 'fail':
      case 'delay':
        return this.#plan(step)
      case 'redeliver':
        return this.#redeliver(step)
      case 'time':
        return this.#advance(step)
      case 'turn':
        return this.#turn(step)
    }
  }

  // --- from outside -------------------------------------------------------------------------------------------------

  #act({ at, name, seed }: Step): string {
    const context = { broker: this.#public, step: at, random: new Random(seed) }
    this.#follow(`action '${name}' of step ${at}`, async () => this.#parts.actions[name]!(context))
    return name
  }

  // The action goes on while later steps run.
  #follow(what: string, work: () => Promise<unknown>): void {
    const failed = (error: unknown) => {
      if (!isExpected(error)) this.#failed(error)
    }
    const followed: Promise<void> = work()
      .then(() => {}, failed)
      .finally(() => this.#underWay.delete(followed))
    this.#underWay.set(followed, what)
  }

  // --- services -----------------------------------------------------------------------------------------------------

  get #live(): RunningService[] {
    return this.#services.filter(({ live }) => live)
  }

  #start(service: string): string | undefined {
    const own = this.#services.filter(each => each.service === service)
    if (own.filter(({ live }) => live).length >= this.#mostInstances) return undefined
    const names = new Set(own.filter(({ dead, stopped }) => !dead && !stopped).map(({ name }) => name))
    let number = 1
    while (names.has(`${service}-${number}`)) number++
    const instance = new RunningService(service, `${service}-${number}`)
    this.#services.push(instance)
    const code = () => this.#parts.services[service]!(this.#public, { name: instance.name })
    instance.start(code, error => {
      if (instance.dead) return
      if (!isExpected(error)) this.#failed(error)
      // An uncaught error ends a process, also while it stops; only CLOSED is no error then.
      if (instance.stopping && isClosed(error)) return
      this.#diedOf = error
      this.#die(instance)
    })
    return `${instance.name} starts`
  }

  #stop({ pick }: Step): string | undefined {
    const instance = pickFrom(this.#live, pick)
    if (instance === undefined) return undefined
    this.#follow(`stop of ${instance.name}`, () => instance.stop())
    return `${instance.name} stops`
  }

  #crash({ pick, onWrite, times }: Step): string | undefined {
    const instance = pickFrom(this.#live, pick)
    if (instance === undefined) return undefined
    const crash = () => this.#die(instance)
    if (onWrite) {
      let left = times
      instance.onWrite = () => {
        if (--left === 0) crash()
      }
      return `${instance.name} will crash once it has written${times === 1 ? '' : ` ${times} times`}`
    }
    crash()
    return `${instance.name} crashes`
  }

  #die(instance: RunningService): void {
    instance.onWrite = undefined
    instance.die()
    for (const consumer of instance.consumers) if (!consumer.ended) this.#broker.crash(consumer)
  }

  // --- what goes wrong ----------------------------------------------------------------------------------------------

  #plan({ kind, operation, pick, ms, times }: Step): string | undefined {
    const place = pickFrom(this.#placesOf(operation), pick)
    if (place === undefined) return undefined
    const { whose, where } = place
    const scope: FaultScope = { operation, ...whose }
    const often = times === 1 ? '' : `, ${times} times`
    if (kind === 'delay') {
      this.#broker.faults.delay(scope, ms, { times })
      return `${where} will take ${ms} ms longer${often}`
    }
    this.#broker.faults.fail(scope, new SimulatedFaultError(where), { times })
    return `${where} will fail${often}`
  }

  // Whose operation may fail or be slow, and how a step names it.
  #placesOf(
    operation: Operation,
  ): { readonly whose?: Omit<FaultScope, 'operation'>; readonly where: string }[] {
    if (operation === 'append') return [{ where: operation }]
    const groups = [...this.#broker.groups.keys()]
    const places = groups.map(group => ({ whose: { group }, where: `${operation} of ${group}` }))
    if (operation !== 'fetch') return places
    // What is read without a group, such as a table, may lag, too.
    const readers = this.#live.flatMap(({ name, consumers }) =>
      consumers
        .filter(({ client }) => client.group === undefined)
        .map(({ client }) => ({
          whose: { member: client.member },
          where: `fetch of ${name} without a group`,
        })),
    )
    return [...places, ...readers]
  }

  #redeliver({ pick }: Step): string | undefined {
    // A consumer that commits by hand would commit the redelivered record, and move the committed offset back.
    const groups = [...this.#broker.groups.values()].filter(({ id }) =>
      this.#services.every(service => !service.commitsByHand(id)),
    )
    const places = groups.flatMap(group =>
      group.offsets.flatMap(({ topic, partition, offset: committed }) => {
        const log = this.#broker.topics.get(topic)?.partitions[partition]
        const offset = log && lastRecordBefore(log, committed)
        return offset === undefined ? [] : [{ group: group.id, topic, partition, offset }]
      }),
    )
    const place = pickFrom(places, pick)
    if (place === undefined) return undefined
    this.#broker.redeliver(place)
    return `${place.group} gets ${place.topic}-${place.partition}@${place.offset} again`
  }

  // --- time ---------------------------------------------------------------------------------------------------------

  async #advance({ ms }: Step): Promise<string> {
    await this.#broker.advance(ms)
    return `${ms} ms pass`
  }

  async #turn({ times }: Step): Promise<string> {
    for (let i = 0; i < times; i++) await undefined
    return `promises go on ${times} steps`
  }

  // --- the end ------------------------------------------------------------------------------------------------------

  // No fault is left, every service runs, and everything that was begun comes to its end.
  async #heal(): Promise<void> {
    this.#broker.faults.clear()
    for (const service of this.#services) service.onWrite = undefined
    await this.#untilIdle()
    // A polling caller may have records in hand that `idle` does not know of. An operation that was delayed when it
    // began, such as a join, takes its time even if nothing waits for it any more.
    const busy = () => this.#left.length > 0 || this.#live.some(({ inHand }) => inHand)
    for (let waitedMs = 0; waitedMs < longestWaitMs && busy(); waitedMs += stepMs) {
      await this.#broker.advance(stepMs)
      await this.#untilIdle()
    }
    this.#throwFailure()
    if (this.#left.length === 0) return
    const left = this.#left.join(', ')
    throw new TimeoutError(`The broker is idle, but these are still running: ${left}`, { details: left })
  }

  // What was begun and has not ended. A service that never comes to read would be sent nothing, and break no promise.
  get #left(): string[] {
    const starting = this.#live.filter(service => service.starting)
    return [...this.#underWay.values(), ...starting.map(({ name }) => `start of ${name}`)]
  }

  // Until nothing happens any more: a polling caller may send, and an instance that met a fault may die, only
  // after the broker was found idle.
  async #untilIdle(): Promise<void> {
    const happened = () => this.timeline.dropped + this.timeline.entries.length
    let stopped: unknown
    for (let before = -1, rounds = 0; before !== happened() || this.#missing.length > 0; rounds++) {
      this.#throwFailure()
      if (rounds === mostRounds)
        throw (
          stopped ??
          this.#diedOf ??
          new TimeoutError(`The broker was still busy after ${rounds} rounds of advanceUntilIdle`)
        )
      before = happened()
      this.#diedOf = undefined
      for (const service of this.#missing) this.#start(service)
      stopped = undefined
      try {
        await this.#broker.advanceUntilIdle()
      } catch (error) {
        // A service that has stopped by itself is started again in the next round.
        if (!(error instanceof NeverIdleError) || this.#missing.length === 0) throw error
        stopped = error
      }
    }
  }

  // The services of which no instance is live.
  get #missing(): string[] {
    return Object.keys(this.#parts.services).filter(
      service => !this.#live.some(each => each.service === service),
    )
  }

  async #check(): Promise<void> {
    for (const promise of this.#parts.promises) {
      for (const group of this.#broker.groups.keys()) promises[promise](this.#public, group)
    }
    await this.#parts.check?.(this.#public)
    this.#throwFailure()
  }
}

// Not simply the offset before `end`: it may be a transaction marker, or a gap that compaction left.
function lastRecordBefore(log: Partition, end: number): number | undefined {
  for (let offset = end - 1; offset >= log.logStartOffset; offset--) {
    if (log.fetch(offset, 1)[0]?.offset === offset) return offset
  }
  return undefined
}

function pickFrom<Item>(items: readonly Item[], pick: number): Item | undefined {
  return items[Math.floor(pick * items.length)]
}
