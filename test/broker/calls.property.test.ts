// Any calls, in any order, and an end at any moment: each is answered, in the library's own words, and nothing is left.
import { expect, it } from 'vitest'
import { type Consumer, isBrokerletError, type Producer, topic } from '../../src/index.ts'
import { type Operation, TestBroker } from '../../src/testing/index.ts'
import { fc } from '../helpers/fast-check.ts'
import { schemaOf } from '../helpers/schema.ts'

const planned = new Error('planned')
const names = ['orders', 'checked', 'table', 'dlq', 'missing'] as const
const groups = ['g', 'h'] as const
const failing: readonly Operation[] = ['append', 'join', 'fetch', 'handle', 'commit', 'committed', 'release']

/** One call: `a` and `b` choose what is given to it, `ms` is a time in it. */
interface Step {
  readonly call: string
  readonly a: number
  readonly b: number
  readonly ms: number
}

// Answers at once, later, badly, or never.
const schema = schemaOf((value: unknown) => {
  if (value === 3) return new Promise<never>(() => {})
  if (value === 2) return { issues: [{ message: 'two' }] }
  return value === 1 ? Promise.resolve({ value }) : { value }
})

function choose<T>(choices: readonly T[], pick: number): T {
  return choices[pick % choices.length]!
}

class World {
  readonly broker: TestBroker<any> = new TestBroker({
    topics: {
      orders: topic({ partitions: 3 }),
      checked: topic({ schema }),
      table: topic({ cleanupPolicy: 'compact', retentionMs: -1 }),
      dlq: topic({ retentionRecords: 2, whenFull: 'wait' }),
    },
  })
  /** What was asked and has not been answered. */
  readonly open = new Map<Promise<unknown>, string>()
  readonly foreign: unknown[] = []
  readonly #consumers: Consumer<any>[] = []
  readonly #producers: Producer<any>[] = [
    this.broker.producer(),
    this.broker.producer({ transactionalId: 'x' }),
  ]
  readonly #stop = new AbortController()
  #over!: () => void
  // Code of a user may wait for as long as it likes; here it ends with its broker, so that all else has to.
  readonly #ended = new Promise<void>(resolve => {
    this.#over = resolve
  })

  readonly calls: Readonly<Record<string, (step: Step) => unknown>> = {
    createTopic: ({ a, b }) => this.broker.createTopic(choose(names, a), { partitions: b + 1 }),
    deleteTopic: ({ a }) => this.broker.deleteTopic(choose(names, a)),
    addPartitions: ({ a, b }) => this.broker.topic(choose(names, a)).addPartitions(b + 1),
    append: step => this.broker.topic(this.#message(step).topic).append({ key: 'k', value: step.b }),
    send: step =>
      this.#producer(step).send(this.#message(step), step.b === 0 ? { signal: this.#stop.signal } : {}),
    sendBatch: step => this.#producer(step).sendBatch([this.#message(step), this.#message(step)]),
    transaction: step =>
      this.#producer(step).transaction(async tx => {
        await tx.send(this.#message(step))
        await this.#wait(step.ms)
        if (step.b === 0) throw planned
      }),
    closeProducer: step => this.#producer(step).close({ timeoutMs: step.ms }),
    consumer: ({ a, b, ms }) => {
      const read = choose(
        [{ topics: ['orders', 'checked'] }, { topics: /^(o|t)/ }, { topics: ['missing'] }],
        a,
      )
      const member = { ...read, groupId: choose(groups, b), sessionTimeoutMs: ms }
      const assigned = { assign: [{ topic: 'orders', partition: b }] }
      const options = [
        member,
        member,
        { ...member, groupInstanceId: 'i' },
        { ...read, until: 'end' as const },
        assigned,
      ]
      const consumer = this.broker.consumer(choose<object>(options, a + b))
      this.#consumers.push(consumer)
      return consumer.done
    },
    ready: step => this.#consumer(step)?.ready(),
    run: step =>
      this.#consumer(step)?.run({
        onFailure: choose(['restart', 'stop', 'skip', { deadLetter: 'dlq' }], step.a),
        retry: { attempts: 2, delayMs: step.ms },
        concurrency: 1 + step.b,
        ordering: choose(['partition', 'key', 'none'], step.b),
        signal: this.#stop.signal,
        eachRecord: async (_, { signal }) => {
          if (step.b === 0) return
          if (step.b === 1) throw planned
          if (step.b === 2) return this.#wait(step.ms)
          await new Promise<void>(resolve => signal.addEventListener('abort', () => resolve()))
        },
      }),
    poll: step => this.#consumer(step)?.poll(step.b === 0 ? {} : { timeoutMs: step.ms }),
    loop: step => this.#loop(this.#consumer(step), step),
    batches: step => this.#loop(this.#consumer(step)?.batches(), step),
    subscribe: step => this.#consumer(step)?.subscribe([choose(names, step.b)]),
    seek: step => this.#consumer(step)?.seek({ topic: 'orders', partition: step.b }, step.a),
    pause: step => this.#consumer(step)?.pause(),
    resume: step => this.#consumer(step)?.resume(),
    commit: step => this.#consumer(step)?.commit(),
    caughtUp: step => this.#consumer(step)?.caughtUp(),
    closeConsumer: step => this.#consumer(step)?.close({ timeoutMs: step.ms, drain: step.b === 0 }),
    crash: step => {
      const consumer = this.#consumer(step)
      if (consumer) this.broker.crash(consumer)
    },
    groupCaughtUp: ({ a, ms }) => this.broker.group(choose(groups, a)).caughtUp({ timeoutMs: ms }),
    stable: ({ a, ms }) => this.broker.group(choose(groups, a)).stable({ timeoutMs: ms }),
    deleteGroup: ({ a }) => this.broker.deleteGroup(choose(groups, a)),
    redrive: () => this.broker.redrive({ from: 'dlq' }),
    fault: ({ a, b }) =>
      void this.broker.faults.fail({ operation: choose(failing, a) }, planned, { times: b + 1 }),
    abort: ({ a }) => (a === 0 ? this.#stop.abort(planned) : undefined),
  }

  /** Does it, and does not wait for it. */
  take(step: Step): void {
    try {
      const answer = this.calls[step.call]!(step)
      if (!(answer instanceof Promise)) return
      this.open.set(answer, step.call)
      const answered = () => void this.open.delete(answer)
      answer.then(answered, error => {
        answered()
        this.#refused(error)
      })
    } catch (error) {
      this.#refused(error)
    }
  }

  #refused(error: unknown): void {
    if (error !== planned && !isBrokerletError(error)) this.foreign.push(error)
  }

  async close(timeoutMs: number): Promise<void> {
    await this.broker.close({ timeoutMs })
    this.#over()
    // What user code does that ends with the broker takes a few turns yet.
    await this.broker.advance(0)
  }

  #wait(ms: number): Promise<void> {
    return Promise.race([this.broker.clock.sleep(ms), this.#ended])
  }

  async #loop(items: AsyncIterable<unknown> | undefined, { b, ms }: Step): Promise<void> {
    let left = b
    for await (const _ of items ?? []) {
      await this.#wait(ms)
      if (left-- === 0) break
    }
  }

  #message({ a, b }: Step): { topic: string; key: string; value: number } {
    return { topic: choose(names, a), key: 'k', value: b }
  }

  #producer({ a }: Step): Producer<any> {
    return choose(this.#producers, a)
  }

  // The newest ones are asked the most.
  #consumer({ a }: Step): Consumer<any> | undefined {
    return this.#consumers[Math.max(0, this.#consumers.length - 1 - (a % 3))]
  }
}

const anyStep = fc.record({
  call: fc.constantFrom(...Object.keys(new World().calls)),
  a: fc.nat(5),
  b: fc.nat(3),
  ms: fc.constantFrom(0, 10, 1000, 60_000),
})

const plan = fc.record({
  // Time moves after some of them only, so that many are under way at once.
  steps: fc.array(
    fc.record({ step: anyStep, moves: fc.constantFrom(undefined, undefined, 0, 10, 1000, 400_000) }),
    {
      minLength: 1,
      maxLength: 40,
    },
  ),
  timeoutMs: fc.constantFrom(0, 100, 30_000),
})

it('answers every call once the broker is closed, in its own words, and leaves no timer', {
  timeout: 120_000,
}, async () => {
  await fc.assert(
    fc.asyncProperty(plan, async ({ steps, timeoutMs }) => {
      const world = new World()
      for (const { step, moves } of steps) {
        world.take(step)
        if (moves !== undefined) await world.broker.advance(moves)
      }
      expect(() => JSON.stringify(world.broker.describe())).not.toThrow()
      await world.close(timeoutMs)
      expect({
        unanswered: [...world.open.values()],
        foreign: world.foreign,
        timers: world.broker.pendingTimers.filter(timer => timer !== 'sleep'),
      }).toEqual({ unanswered: [], foreign: [], timers: [] })
    }),
    { numRuns: 1000 },
  )
})
