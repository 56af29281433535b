import type { BrokerEvents } from '../broker.ts'
import type { ConsumerEvents } from '../consumer/consumer-events.ts'
import type { Engine } from '../engine.ts'
import type { Partition } from '../log/partition.ts'
import type { Topic } from '../log/topic.ts'
import type { TestBench } from './test-client.ts'
import { TestConsumer } from './test-consumer.ts'
import type { Timeline } from './timeline.ts'

type EventOf<Events> = {
  [Name in keyof Events]: { readonly name: Name; readonly payload: Events[Name] }
}[keyof Events]

type GivenUp = Extract<EventOf<ConsumerEvents>, { name: 'deadLettered' | 'delayed' | 'parked' }>

/** The parts of a broker that the observer reads, and the timeline that it writes. */
export interface ObservedCore {
  readonly engine: Engine
  readonly timeline: Timeline
  readonly topics: ReadonlyMap<string, Topic>
  readonly bench: TestBench
}

/** Records the events of a broker and its consumers, and all appended records, in the timeline. */
export function observe(broker: ObservedCore): void {
  const observer = new TimelineObserver(broker)
  for (const topic of broker.topics.values()) observer.created(topic.name, topic.partitions.length)
  broker.engine.outbox.observer = (owner, name, payload) => {
    if (owner === broker.engine) observer.broker({ name, payload } as EventOf<BrokerEvents>)
    else if (owner instanceof TestConsumer)
      observer.consumer(owner, { name, payload } as EventOf<ConsumerEvents>)
  }
}

class TimelineObserver {
  readonly #host: ObservedCore
  readonly #watched = new WeakSet<Partition>()

  constructor(host: ObservedCore) {
    this.#host = host
  }

  broker({ name, payload }: EventOf<BrokerEvents>): void {
    const { timeline } = this.#host
    switch (name) {
      case 'topicCreated':
        return this.created(payload.topic, payload.partitions)
      case 'topicDeleted':
        return timeline.record({ kind: 'topic deleted', topic: payload.topic })
      case 'topicAltered':
        return timeline.record({ kind: 'topic altered', ...payload })
      case 'partitionsAdded':
        timeline.record({ kind: 'partitions added', topic: payload.topic, partitions: payload.to })
        return this.#watch(payload.topic)
      case 'memberJoined':
        timeline.record({ kind: 'joined', group: payload.groupId, member: payload.memberId })
        return this.#host.bench.joining?.joined(payload.memberId)
      case 'memberLeft': {
        const { groupId: group, memberId: member, reason } = payload
        return timeline.record({ kind: 'left', group, member, reason })
      }
      case 'rebalanced': {
        const { groupId: group, epoch, moved } = payload
        return timeline.record({ kind: 'rebalanced', group, epoch, moved })
      }
      case 'recordsDropped': {
        const { topic, partition, from, to, reason } = payload
        const groups = payload.groups.map(({ groupId }) => groupId)
        return timeline.record({ kind: 'dropped', topic, partition, from, to, reason, groups })
      }
      default:
    }
  }

  created(topic: string, partitions: number): void {
    this.#host.timeline.record({ kind: 'topic created', topic, partitions })
    this.#watch(topic)
  }

  // Appends are observed in the log, since records come from producers, transactions and wire clients alike. Listeners
  // hear in turn: one of them may have deleted the topic by now, and made another of its name.
  #watch(topic: string): void {
    for (const partition of this.#host.topics.get(topic)?.partitions ?? []) {
      if (this.#watched.has(partition)) continue
      this.#watched.add(partition)
      this.#watchPartition(partition)
    }
  }

  #watchPartition(partition: Partition): void {
    let seen = 0
    const signal = () => {
      for (; seen < partition.highWatermark; seen++) {
        // Records of an open or aborted transaction count as appended; its end marker is not a record.
        const [record] = seen < partition.logStartOffset ? [] : partition.fetch(seen, 1, false)
        if (record?.offset !== seen) continue
        const { topic, partition: index, offset, key } = record
        this.#host.timeline.record({ kind: 'appended', topic, partition: index, offset, key })
      }
    }
    signal()
    partition.addReader({ signal })
  }

  consumer(consumer: TestConsumer, { name, payload }: EventOf<ConsumerEvents>): void {
    const { timeline } = this.#host
    const { group, member, crashed } = consumer.client
    if (crashed) return
    switch (name) {
      case 'offsetReset':
        return timeline.record({ kind: 'reset', group, member, ...payload })
      case 'retrying': {
        const { record, attempt, delayMs } = payload
        const { topic, partition, offset, key } = record
        return timeline.record({
          kind: 'retrying',
          group,
          member,
          topic,
          partition,
          offset,
          key,
          attempt,
          delayMs,
        })
      }
      case 'skipped': {
        const { topic, partition, offset, key } = payload.record
        return timeline.record({
          kind: 'skipped',
          group,
          member,
          topic,
          partition,
          offset,
          key,
          error: payload.error,
        })
      }
      case 'deadLettered':
      case 'delayed':
      case 'parked':
        return this.#givenUp({ group, member }, { name, payload } as GivenUp)
      case 'stalled':
        return timeline.record({ kind: 'stalled', group, member, ...payload })
      case 'restarting':
        consumer.restarting(payload)
        return timeline.record({
          kind: 'restarting',
          group,
          member,
          error: payload.error,
          delayMs: payload.delayMs,
        })
      case 'crashed':
        return timeline.record({ kind: 'stopped', group, member, error: payload.error })
      case 'closed':
        return timeline.record({ kind: 'closed', group, member })
      default:
    }
  }

  #givenUp(who: { readonly group: string | undefined; readonly member: string }, event: GivenUp): void {
    const { timeline } = this.#host
    const { record, error } = event.payload
    const { topic, partition, offset, key } = record
    const entry = { ...who, topic, partition, offset, key, error }
    switch (event.name) {
      case 'deadLettered':
        return timeline.record({ ...entry, kind: 'dead lettered', to: event.payload.to.topic })
      case 'delayed': {
        const { to, delayMs } = event.payload
        return timeline.record({ ...entry, kind: 'delayed', to: to.topic, delayMs })
      }
      case 'parked':
        return timeline.record({ ...entry, kind: 'parked', delayMs: event.payload.delayMs })
    }
  }
}
