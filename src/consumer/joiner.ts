import type { Delay } from '../broker-clock.ts'
import { Deferred } from '../deferred.ts'
import type { Engine, Membership } from '../engine.ts'
import { isBrokerletError } from '../errors.ts'
import type { Events } from '../events.ts'
import type { ConsumerEvents } from './consumer-events.ts'
import type { ResolvedConsumerOptions } from './consumer-options.ts'
import type { LastWord } from './last-word.ts'
import { type Member, MemberListener } from './member-listener.ts'
import type { Readiness } from './readiness.ts'
import type { Subscription } from './subscription.ts'

/** What a joiner needs of its consumer. */
export interface JoinerHost {
  readonly engine: Engine
  readonly events: Events<ConsumerEvents>
  readonly options: ResolvedConsumerOptions
  readonly subscription: Subscription
  readonly readiness: Readiness
  readonly lastWord: LastWord
  readonly member: Member
  /** Says that a join begins: what an earlier membership was told counts no more. */
  joins(): void
  /** Says that the consumer is a member. */
  joined(): void
  /** Begins to follow what the group tells, for as long as the joiner is at that generation. */
  follow(generation: number): void
}

// The pause between two attempts to rejoin.
const rejoinMs = 1000

/** Makes its consumer a member, and knows the membership. (Kafka: AbstractMembershipManager) */
export class Joiner {
  readonly #host: JoinerHost
  #membership: Membership | undefined
  #listener: MemberListener | undefined
  #generation = 0
  #wasMember = false
  #joining: Promise<void> | undefined
  // The changes of interest that wait for it.
  #whenJoined: (() => void)[] = []
  // Ends early where the consumer leaves.
  #delay: Delay | undefined

  constructor(host: JoinerHost) {
    this.#host = host
  }

  /** The membership, while there is one. */
  get membership(): Membership | undefined {
    return this.#membership
  }

  /** Grows with every join, and when the consumer leaves: what was begun before is not gone on with. */
  get generation(): number {
    return this.#generation
  }

  /** Resolves when the engine has answered the join that is under way, well or not; undefined where there is none. */
  get joining(): Promise<void> | undefined {
    return this.#joining
  }

  /** Joins once; what it starts runs in the caller's async context. */
  join(): Promise<void> {
    return this.#join(() => false)
  }

  /**
   * Rejoins, with as many attempts as it takes: a member must not end because its engine does not answer for a while.
   * Each temporary failure is told.
   *
   * @throws a failure that is not temporary
   */
  async rejoin(): Promise<void> {
    const { engine, options, lastWord } = this.#host
    const passes = (error: unknown) =>
      isBrokerletError(error) &&
      (error.retriable || (lastWord.unheard && error.code === 'UNRELEASED_INSTANCE_ID'))
    for (;;) {
      const generation = this.#generation + 1
      try {
        return await this.#join(passes)
      } catch (error) {
        if (!passes(error)) throw error
        if (generation !== this.#generation) return
        lastWord.unheard = true
        this.#host.events.emitNow('error', error)
      }
      this.#delay = engine.clock.delay(rejoinMs, `rejoining of ${options.clientId}`)
      await this.#delay.over
      if (generation !== this.#generation) return
    }
  }

  // A failure makes the consumer not ready for good, unless it is temporary.
  async #join(passes: (error: unknown) => boolean): Promise<void> {
    const { engine, options, readiness } = this.#host
    const generation = ++this.#generation
    readiness.unsettle()
    this.#host.joins()
    this.#listener?.mute()
    const listener = new MemberListener(options, this.#host.member)
    this.#listener = listener
    const joined = new Deferred()
    this.#joining = joined.promise
    try {
      const membership = await engine.join(
        { ...options, interest: this.#host.subscription.interest, rejoins: this.#wasMember },
        listener,
      )
      if (generation !== this.#generation) {
        listener.mute()
        return void (await membership.leave(false))
      }
      this.#membership = membership
      this.#wasMember = true
      this.#host.lastWord.unheard = false
      this.#host.joined()
    } catch (error) {
      // Who leaves meanwhile says by itself that it is over.
      if (passes(error) || generation !== this.#generation) throw error
      readiness.fail(error)
      readiness.unsettle()
      throw error
    } finally {
      if (this.#joining === joined.promise) this.#joinEnded()
      joined.resolve()
    }
    this.#host.follow(generation)
  }

  // At once: a later call must not come first, and where to begin in what the join brings may have been said meanwhile.
  #joinEnded(): void {
    this.#joining = undefined
    const changes = this.#whenJoined
    this.#whenJoined = []
    for (const change of changes) change()
  }

  /** Makes a change of interest once no join is under way: a join tells the group the interest that it began with. */
  whenJoined(change: () => Promise<void>): Promise<void> {
    if (this.#joining === undefined) return change()
    return new Promise((resolve, reject) => {
      this.#whenJoined.push(() => change().then(resolve, reject))
    })
  }

  /** Ends the attempts to join; who is let in after that leaves at once. */
  stop(): void {
    this.#generation++
    this.#delay?.end()
  }

  /** Ends the membership: what the group still tells it is not heard. */
  endMembership(): void {
    this.#membership = undefined
    this.#listener?.mute()
  }
}
