import type { Engine, Interest } from '../engine.ts'
import { InvalidOptionError } from '../errors.ts'
import { optionError } from '../validate.ts'
import { namedTopics } from './interest.ts'
import { RetryTopics } from './retry-topics.ts'
import type { ResolvedRunOptions } from './run-options.ts'

/** The topics that a run writes to itself: for dead letters, and for records that wait for another attempt. */
export class SideTopics {
  readonly #engine: Engine
  readonly #deadLetter: string | undefined
  readonly #retryTopics: RetryTopics | undefined

  /** @throws InvalidOptionError where a reader without a group has retry topics */
  constructor(engine: Engine, groupId: string | undefined, { onFailure, retry }: ResolvedRunOptions) {
    this.#engine = engine
    this.#deadLetter = typeof onFailure === 'object' ? onFailure.deadLetter : undefined
    if (retry.topics.length === 0) return
    if (groupId === undefined) {
      throw optionError('run: retry', 'topics', 'is for a member of a group (groupId)')
    }
    this.#retryTopics = new RetryTopics(engine, groupId, retry.topics)
  }

  /** Whether there is any such topic. */
  get some(): boolean {
    return this.#deadLetter !== undefined || this.#retryTopics !== undefined
  }

  /**
   * Makes sure that these topics exist and that the consumer does not read them anyway: a missing topic is an error
   * now, not at the first record that needs it.
   *
   * @throws UnknownTopicOrPartitionError, InvalidOptionError
   */
  async require(interest: Interest): Promise<void> {
    this.requireApart(interest)
    for (const { topic } of this.#all()) await this.#engine.topic(topic)
  }

  /**
   * Makes sure that the consumer does not read these topics anyway.
   *
   * @throws InvalidOptionError
   */
  requireApart(interest: Interest): void {
    for (const { option, topic } of this.#all()) {
      if (!namedTopics(interest).includes(topic)) continue
      throw new InvalidOptionError(
        `run: ${option}: this consumer reads '${topic}' itself, so a failed record would come back at once`,
        { option, topic },
      )
    }
  }

  *#all(): IterableIterator<{ readonly option: string; readonly topic: string }> {
    for (const { topic } of this.#retryTopics?.topics ?? []) yield { option: 'retry.topics', topic }
    if (this.#deadLetter !== undefined) yield { option: 'onFailure', topic: this.#deadLetter }
  }

  /** An interest with the retry topics added, and the dead-letter topic left out of patterns. */
  toRead(interest: Interest): Interest {
    const known =
      interest.kind === 'patterns' && this.#deadLetter !== undefined
        ? { ...interest, except: [this.#deadLetter] }
        : interest
    return this.#retryTopics === undefined ? known : this.#retryTopics.addTo(known)
  }

  /** A run whose handlers get records of retry topics as they were. */
  wrap(options: ResolvedRunOptions): ResolvedRunOptions {
    return this.#retryTopics === undefined ? options : this.#retryTopics.wrapRun(options)
  }
}
