import type { BrokerEvents } from '../broker.ts'
import type { ConsumerEvents } from '../consumer/consumer-events.ts'
import type { Engine } from '../engine.ts'
import type { Partition } from '../log/partition.ts'
import type { Topic } from '../log/topic.ts'
import type { Shown } from '../outbox.ts'
import type { TestBench } from './test-client.ts'
import { TestConsumer } from './test-consumer.ts'
import type { Timeline } from './timeline.ts'
import { ofRecord } from './timeline-entry.ts'

type EventOf<Events> = {
  [Name in keyof Events]: { readonly name: Name; readonly payload: Events[Name] }
}[keyof Events]

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
    if (owner === broker.engine) observer.broker({ name, payload } as EventOf<BrokerEvents & Shown>)
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

  broker({ name, payload }: EventOf<BrokerEvents & Shown>): void {
    const { timeline } = this.#host
    switch (name) {
      case 'topicCreated':
        return this.created(payload.topic, payload.partitions)
      case 'topicDeleted':
        this.#host.bench.redeliveries.forget(payload.topic)
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
      case 'clientJoined':
        return timeline.record({ kind: 'joined', group: payload.groupId, member: payload.memberId })
      case 'clientLeft': {
        const { groupId: group, memberId: member } = payload
        return timeline.record({ kind: 'left', group, member, reason: 'it left, or its session ended' })
      }
      case 'clientCommitted': {
        const { groupId: group, memberId: member, offsets } = payload
        const plain = offsets.map(({ topic, partition, offset }) => ({ topic, partition, offset }))
        return timeline.record({ kind: 'committed', group, member, offsets: plain, byClient: true })
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
    const { topic, index } = partition
    let seen = partition.logStartOffset
    const signal = () => {
      for (; seen < partition.highWatermark; seen++) {
        // A client's batch may be larger than its topic: what left the log at once was a record, too. Records of an open
        // or aborted transaction count as appended; its end marker is not a record.
        const gone = seen < partition.logStartOffset
        const [record] = gone
          ? [{ topic, partition: index, offset: seen, key: null }]
          : partition.fetch(seen, 1, false)
        if (record?.offset !== seen) continue
        this.#host.timeline.record({ kind: 'appended', ...ofRecord(record) })
      }
    }
    signal()
    partition.addReader({ signal })
  }

  consumer(consumer: TestConsumer, { name, payload }: EventOf<ConsumerEvents>): void {
    const { client } = consumer
    if (client.crashed) return
    switch (name) {
      case 'offsetReset':
        return client.note({ kind: 'reset', ...payload })
      case 'retrying': {
        const { record, attempt, delayMs } = payload
        consumer.failing(payload)
        return client.note({ kind: 'retrying', ...ofRecord(record), attempt, delayMs })
      }
      case 'skipped':
        return client.note({ kind: 'skipped', ...ofRecord(payload.record), error: payload.error })
      case 'deadLettered': {
        const { record, error, to } = payload
        return client.note({ kind: 'dead lettered', ...ofRecord(record), error, to: to.topic })
      }
      case 'delayed': {
        const { record, error, to, delayMs } = payload
        return client.note({ kind: 'delayed', ...ofRecord(record), error, to: to.topic, delayMs })
      }
      case 'parked': {
        const { record, error, delayMs } = payload
        consumer.failing(payload)
        return client.note({ kind: 'parked', ...ofRecord(record), error, delayMs })
      }
      case 'stalled':
        return client.note({ kind: 'stalled', ...payload })
      case 'restarting': {
        const { error, delayMs } = payload
        consumer.restarting(payload)
        return client.note({ kind: 'restarting', error, delayMs })
      }
      case 'lost':
        return consumer.losing(payload)
      case 'crashed':
        return client.note({ kind: 'stopped', error: payload.error })
      case 'closed':
        return client.note({ kind: 'closed' })
      default:
    }
  }
}
