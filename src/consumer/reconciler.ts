import { Deferred } from '../deferred.ts'
import type { AssignedPartition, AssignmentUpdate, Engine, FetchSession } from '../engine.ts'
import type { Events } from '../events.ts'
import { isThenable } from '../maybe-promise.ts'
import type { ConsumerEvents } from './consumer-events.ts'
import type { Handover } from './handover.ts'
import type { Joiner } from './joiner.ts'
import type { PartitionStarter } from './partition-starter.ts'
import { PartitionState, toTopicPartition } from './partition-state.ts'
import type { PartitionStates } from './partition-states.ts'
import { PendingUpdates, type UpdateTask } from './pending-updates.ts'
import type { Readiness } from './readiness.ts'
import type { Subscription } from './subscription.ts'
import { Wakeup } from './wakeup.ts'

/** What a reconciler needs of its consumer. */
export interface ReconcilerHost {
  readonly engine: Engine
  readonly events: Events<ConsumerEvents>
  readonly states: PartitionStates
  readonly subscription: Subscription
  readonly readiness: Readiness
  readonly starter: PartitionStarter
  readonly handover: Handover
  readonly joiner: Pick<Joiner, 'membership' | 'generation'>
  readonly session: FetchSession<PartitionState>
  /** Says that all updates of the group are followed. */
  caughtUp(): void
  /** Makes the consumer a member again, once it has done with the partitions that it lost. */
  comeBack(lost: readonly PartitionState[], generation: number): Promise<void>
  /** The consumer cannot go on. */
  fatal(error: unknown): void
}

// How long the other partitions, and the next update of the group, wait for a partition to be looked up.
const patienceMs = 2000

/** Why a partition is lost whose topic is gone. */
export const topicDeleted = 'its topic was deleted'

/**
 * Follows what a group tells its member, one update after the other: gives up, then takes on. (Kafka:
 * AbstractMembershipManager.maybeReconcile)
 */
export class Reconciler {
  readonly #host: ReconcilerHost
  readonly #updates = new PendingUpdates()
  readonly #wakeup = new Wakeup()
  // Whether this membership was told its assignment, even an empty one.
  #told = false
  #following = 0
  #followed: Promise<void> = Promise.resolve()
  // Ends the wait for where to begin, if there is one and something else has to be done.
  #hurry: (() => void) | undefined

  constructor(host: ReconcilerHost) {
    this.#host = host
  }

  /** Whether no update is being followed, and none is left to be. */
  get idle(): boolean {
    return this.#following === 0 && this.#updates.isEmpty
  }

  /** Resolves when the update that is being followed has ended, well or not. */
  get followed(): Promise<void> {
    return this.#followed
  }

  /** Forgets what an earlier membership was told. */
  forget(): void {
    this.#told = false
    this.#updates.clear()
  }

  /** Goes on, as there is something else to do. */
  wake(): void {
    this.#wakeup.wake()
    this.#hurry?.()
  }

  /** Notes an update. */
  add(update: AssignmentUpdate): void {
    this.#updates.add(update, this.#host.subscription.interest)
    this.wake()
  }

  /** Notes that the membership is lost: what it was told before counts no more. */
  lose(reason: unknown): void {
    this.#updates.lose(reason)
    this.wake()
  }

  /** Follows one update after the other until the membership is lost, or the consumer leaves. */
  async follow(generation: number): Promise<void> {
    const { engine, joiner } = this.#host
    while (generation === joiner.generation) {
      const task = this.#updates.shift()
      if (task === undefined) {
        this.#host.caughtUp()
        engine.touch()
        await this.#wakeup.wait()
        continue
      }
      this.#following++
      const following =
        'lost' in task ? this.#followLoss(task.lost, generation) : this.#followUpdate(task, generation)
      // After a lost membership this waits for handlers, too, and leaving must not wait for that.
      if (!('lost' in task)) this.#followed = following.catch(() => {})
      try {
        await following
      } catch (error) {
        this.#host.readiness.fail(error)
        this.#host.fatal(error)
        return
      } finally {
        this.#following--
      }
      if ('lost' in task) return
      // A hook that changes its subscription each time must not keep the event loop from its turn.
      await engine.clock.exhausted(1)
    }
  }

  async #followUpdate(task: UpdateTask, generation: number): Promise<void> {
    const { update } = task
    const { joiner, handover, states } = this.#host
    const { membership } = joiner
    // The consumer may leave, or lose its membership, while a handler or a hook takes its time.
    const current = () => generation === joiner.generation && membership === joiner.membership
    if (update.lost.length > 0) await handover.lose(states.findAll(update.lost), topicDeleted)
    if (!current()) return
    if (update.revoked.length > 0) await handover.giveUp(states.findAll(update.revoked))
    if (!current()) return
    if (update.assigned.length > 0 || !this.#told) await this.#takeOn(task, current)
    if (current()) this.#readyAfter(task)
  }

  async #takeOn(following: UpdateTask, current: () => boolean): Promise<void> {
    const { assigned, settled } = following.update
    const { engine, events, starter, handover } = this.#host
    const states = assigned.map(newState)
    // A close whose time is up, or a crash, has dropped them.
    const dropped = () => states.some(state => this.#host.states.find(state) !== state)
    for (const state of states) this.#host.states.put(state)
    // Some may be revoked again already: they are followed as assigned, but not read.
    for (const tp of this.#updates.revoked()) this.#host.states.find(tp)?.halt('revoking')
    // Kept here, because the membership may be lost before the engine answers.
    const membership = this.#host.joiner.membership!
    const positioned = starter.lookUp(states, membership)
    if (isThenable(positioned)) await this.#answered(positioned, patienceMs, current, true)
    if (dropped()) return
    // A member that gets no partitions is told so, too, once.
    if (states.length > 0 || settled) {
      this.#told = true
      for (const state of states) state.inHooks = true
      await handover.hook('onAssigned', states)
    }
    if (dropped()) return
    const started = starter.start(states)
    const begun = new Deferred()
    starter.lookAgain(states, membership, begun)
    if (isThenable(started)) await this.#answered(started, patienceMs, current)
    // What was not looked up in time is waited for while the others are read.
    if (isThenable(positioned) && states.some(({ phase }) => phase === 'assigned')) {
      const rest = positioned.then(() => starter.start(states))
      await this.#answered(Promise.race([rest, begun.promise]), 0, current)
    }
    // Before anything is handed out: a first handler that fails must not keep `run` waiting for the restart.
    if (current()) this.#readyAfter(following)
    for (const state of states) state.inEvents = true
    const partitions = states.map(toTopicPartition)
    if (partitions.length > 0) events.emit('assigned', { partitions })
    engine.outbox.flush()
  }

  // A partition without a leader may take long: the group does not wait for that, nor does a consumer that leaves, nor,
  // where `urgent`, do the other partitions.
  async #answered(
    answer: Promise<void>,
    forMs: number,
    current: () => boolean,
    urgent = false,
  ): Promise<void> {
    const { clock } = this.#host.engine
    let patient = forMs > 0
    let late = false
    const hurried = new Promise<void>(resolve => {
      this.#hurry = () => {
        if (current() && (patient || (!urgent && this.#updates.isEmpty))) return
        late = true
        resolve()
      }
    })
    const impatient = () => {
      patient = false
      this.#hurry?.()
    }
    const timer = patient
      ? clock.setTimer(impatient, forMs, { name: 'looking up where to begin' })
      : undefined
    answer.catch(error => {
      if (late && current()) this.#host.fatal(error)
    })
    // There may be a reason already, as where the consumer left while a hook was at work.
    this.#hurry?.()
    try {
      await Promise.race([answer, hurried])
    } finally {
      this.#hurry = undefined
      timer?.cancel()
    }
  }

  // After `subscribe` only an update that answers the new interest makes the consumer ready.
  #readyAfter({ interest, update }: UpdateTask): void {
    const { subscription, readiness } = this.#host
    if (!update.settled) return
    // Where that was refused by now, the group has answered what was before.
    const answered = subscription.outcome(interest)
    if (answered === subscription.interest) readiness.become()
    else subscription.settled(answered)
  }

  async #followLoss(reason: unknown, generation: number): Promise<void> {
    const states = this.#host.states.all
    this.#followed = this.#host.handover.lose(states, reason, true)
    await this.#followed
    await this.#host.comeBack(states, generation)
  }

  /** While the consumer leaves no update is followed any more, but what is lost is still reported. */
  reportLosses(): void {
    const { states, handover } = this.#host
    this.noteUntaken()
    for (const task of this.#updates.clear()) {
      const [lost, reason] =
        'lost' in task ? [states.all, task.lost] : [states.findAll(task.update.lost), topicDeleted]
      // After the hooks that are under way.
      this.#followed = this.#followed.then(() => handover.lose(lost, reason, 'lost' in task))
    }
  }

  /** What it was assigned and has not taken on yet is left unread, too. */
  noteUntaken(): void {
    const { states, starter, joiner, session } = this.#host
    const { membership } = joiner
    if (membership === undefined || session.peek === undefined) return
    // What it has lost of the same name is still to be told.
    const untaken = [...this.#updates.assigned()].filter(tp => states.find(tp) === undefined).map(newState)
    for (const state of untaken) {
      states.put(state)
      // It is only looked at: where it is told to begin counts for the next assignment.
      state.halt('revoking')
    }
    const lookedUp = starter.lookUp(untaken, membership)
    // Leaving waits for no look-up, nor does it fail with one.
    if (isThenable(lookedUp)) lookedUp.then(undefined, () => {})
  }
}

function newState({ topic, partition, assignmentEpoch }: AssignedPartition): PartitionState {
  return new PartitionState(topic, partition, assignmentEpoch)
}
