import { type Clock, systemClock } from '../clock.ts'
import { type Codec, codecCheck } from '../codec.ts'
import { type ConsumerPolicyOptions, policyChecks } from '../consumer/consumer-policy.ts'
import { systemRandom } from '../ids.ts'
import { type TopicMap, type TopicOptions, topicMap } from '../topic-definition.ts'
import {
  anObject,
  boolean,
  type Check,
  type Checks,
  callback,
  duration,
  either,
  integer,
  limit,
  objectWith,
} from '../validate.ts'
import type { MemoryEngineOptions } from './memory-engine.ts'

/** How a broker is made. */
export interface BrokerOptions<Topics extends TopicMap = TopicMap>
  extends ConsumerPolicyOptions<NoInfer<keyof Topics & string>> {
  /** The topics, by name; their types flow to producers and consumers. */
  topics?: Topics | undefined
  /** Whether a topic is created when it is first named, and how; default false: a misspelt name is an error. */
  autoCreateTopics?: boolean | TopicOptions | undefined
  /** How many records all topics keep together; beyond it the oldest segment goes. Default 1,000,000; -1: no limit. */
  maxRecords?: number | undefined
  /** As `maxRecords`, in bytes: counts the topics with a codec or byte values. Default -1, no limit. */
  maxBytes?: number | undefined
  /** How long an empty group's offsets are kept, in milliseconds; default 7 days; -1 is for ever. (Kafka: offsets.retention.minutes) */
  offsetsRetentionMs?: number | undefined
  /**
   * How long a partition remembers an idempotent producer that sends nothing, in milliseconds; default 1 day.
   * (Kafka: producer.id.expiration.ms)
   */
  producerIdExpirationMs?: number | undefined
  /**
   * How long an unused transactional id is remembered, in milliseconds; default 7 days; -1 is for ever.
   * (Kafka: transactional.id.expiration.ms)
   */
  transactionalIdExpirationMs?: number | undefined
  /** The codec of every topic that has none of its own. */
  codec?: Codec<unknown> | undefined
  /** Whether topics deeply freeze values that they keep by reference, unless a topic says otherwise. Default false. */
  freeze?: boolean | undefined
  /** The clock; default the system's. */
  clock?: Clock | undefined
  /** Returns a number from 0 up to, and without, 1; default `Math.random`. */
  random?: (() => number) | undefined
}

const week = 7 * 24 * 60 * 60 * 1000

const clockMethods = objectWith('now', 'monotonic', 'setTimer', 'turn')

const aClock: Check = {
  expected: `${clockMethods.expected} and workBudget { ms, records }`,
  accepts: value => {
    if (!clockMethods.accepts(value)) return false
    const budget = (value as { readonly workBudget?: Readonly<Record<string, unknown>> }).workBudget
    return duration.accepts(budget?.ms) && duration.accepts(budget?.records)
  },
}

/** How each option of a broker is checked. */
export const brokerChecks: Checks<BrokerOptions> = {
  topics: topicMap,
  autoCreateTopics: either(boolean, anObject),
  maxRecords: limit(1),
  maxBytes: limit(1),
  offsetsRetentionMs: limit(1),
  producerIdExpirationMs: integer(1),
  transactionalIdExpirationMs: limit(1),
  codec: codecCheck,
  freeze: boolean,
  clock: aClock,
  random: callback,
  ...policyChecks,
}

const ofTopic = { instead: 'that is an option of topic()' } as const
const ofCluster = { instead: 'that is an option of connect(), of brokerlet/kafka' } as const

/** What belongs to a topic, or to a cluster. */
export const brokerWords: Readonly<Record<string, { readonly instead: string }>> = {
  partitions: ofTopic,
  retentionMs: ofTopic,
  retentionRecords: ofTopic,
  retentionBytes: ofTopic,
  cleanupPolicy: ofTopic,
  whenFull: ofTopic,
  brokers: ofCluster,
  bootstrapBrokers: ofCluster,
}

/** The settings of a broker's engine: its options, with every default filled in. */
export function toEngineOptions(options: BrokerOptions): MemoryEngineOptions {
  return {
    clock: options.clock ?? systemClock,
    random: options.random ?? systemRandom,
    maxRecords: options.maxRecords ?? 1_000_000,
    maxBytes: options.maxBytes ?? -1,
    offsetsRetentionMs: options.offsetsRetentionMs ?? week,
    producerIdExpirationMs: options.producerIdExpirationMs ?? week / 7,
    transactionalIdExpirationMs: options.transactionalIdExpirationMs ?? week,
    autoCreateTopics: options.autoCreateTopics ?? false,
    codec: options.codec as TopicOptions['codec'],
    freeze: options.freeze ?? false,
  }
}
