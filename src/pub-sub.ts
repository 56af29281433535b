import type { Admin } from './admin.ts'
import type { Consumer } from './consumer/consumer.ts'
import type { ConsumerOptions } from './consumer/consumer-options.ts'
import type { RedriveOptions } from './consumer/redrive.ts'
import type { Unread } from './engine.ts'
import type { Producer, ProducerOptions } from './producer/producer.ts'
import type { OpenTopics, RecordOf, TopicMap } from './topic-definition.ts'

/**
 * The interface that modules are written against: everything here works the same in this process and on a real cluster.
 * A module names only the topics it uses; `PubSub<{}>` accepts any broker. `PubSub` alone takes any topic and any value.
 */
export interface PubSub<out Topics extends TopicMap = OpenTopics> {
  /**
   * Makes a producer.
   *
   * @throws InvalidOptionError, ClosedError
   */
  producer(options?: ProducerOptions): Producer<Topics>
  /**
   * Makes a consumer; it joins its group when it starts to consume.
   *
   * @throws InvalidOptionError, ClosedError
   */
  consumer<const Name extends keyof Topics & string = keyof Topics & string>(
    options: ConsumerOptions<Name>,
  ): Consumer<RecordOf<Topics, Name>, keyof Topics & string>
  /** Never called: with a single signature, a broker of some topics is not assignable to a broker of any. @hidden */
  consumer<const Name extends keyof Topics & string = keyof Topics & string>(
    options: ConsumerOptions<Name>,
    nothing: never,
  ): Consumer<RecordOf<Topics, Name>, keyof Topics & string>
  /** Topics, groups and offsets; every method is async. */
  readonly admin: Admin
  /**
   * Sends dead letters back to the topics that they came from (or to `to`), in their order; resolves to their number.
   *
   * @throws UnknownTopicOrPartitionError where a topic does not exist; dead letters sent back before stay so
   */
  redrive(options: RedriveOptions<keyof Topics & string>): Promise<number>
  /**
   * Closes every consumer and producer that it made; resolves to what they left unread. `timeoutMs` (default 30,000
   * milliseconds) bounds how long that takes; with `drain` the consumers first read what is there.
   */
  close(options?: {
    readonly timeoutMs?: number | undefined
    readonly drain?: boolean | undefined
  }): Promise<readonly Unread[]>
}
