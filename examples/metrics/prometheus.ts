import { subscribe } from 'node:diagnostics_channel'
import type { BrokerDescription, EventMessage } from 'brokerlet'

/** The content type of `toPrometheus`: Prometheus takes no metrics without one. */
export const metricsType = 'text/plain; version=0.0.4'

const events = new Map<string, number>()

/** Counts the events of all brokers and consumers of this process from now on. */
export function countEvents(): void {
  subscribe('brokerlet.event', message => {
    const { name, groupId = '' } = message as EventMessage
    const labels = toLabels({ event: name, consumergroup: groupId })
    events.set(labels, (events.get(labels) ?? 0) + 1)
  })
}

/**
 * Formats a broker's state for Prometheus, with the metric names that dashboards and alerts for Kafka
 * use (those of kafka_exporter).
 */
export function toPrometheus({ topics, groups }: BrokerDescription): string {
  const partitions = topics.flatMap(({ name, partitions: all }) =>
    all.map(each => ({ ...each, labels: toLabels({ topic: name, partition: each.partition }) })),
  )
  const read = groups.flatMap(({ groupId, partitions: all }) =>
    all.map(({ topic, partition, ...each }) => ({
      ...each,
      labels: toLabels({ consumergroup: groupId, topic, partition }),
    })),
  )
  const members = groups.map(
    group => [toLabels({ consumergroup: group.groupId }), group.members.length] as const,
  )
  return [
    gauge(
      'kafka_topic_partition_current_offset',
      'Where the log of a partition ends',
      partitions.map(({ labels, highWatermark }) => [labels, highWatermark]),
    ),
    gauge(
      'kafka_topic_partition_oldest_offset',
      'Where the log of a partition begins',
      partitions.map(({ labels, logStartOffset }) => [labels, logStartOffset]),
    ),
    gauge(
      'kafka_consumergroup_current_offset',
      'What a group has committed',
      // Without a committed offset there is no sample, as in kafka_exporter.
      read.flatMap(({ labels, committed }) => (committed === null ? [] : [[labels, committed] as const])),
    ),
    gauge(
      'kafka_consumergroup_lag',
      'Records that a group has not handled',
      read.map(({ labels, lag }) => [labels, lag]),
    ),
    gauge('kafka_consumergroup_members', 'Consumers of a group', members),
    metric('brokerlet_events_total', 'counter', 'Events of brokers and consumers', [...events]),
  ].join('')
}

type Samples = readonly (readonly [labels: string, value: number])[]

function gauge(name: string, help: string, samples: Samples): string {
  return metric(name, 'gauge', help, samples)
}

function metric(name: string, type: string, help: string, samples: Samples): string {
  if (samples.length === 0) return ''
  const lines = samples.map(([labels, value]) => `${name}${labels} ${value}`)
  return `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${lines.join('\n')}\n`
}

function toLabels(labels: Readonly<Record<string, string | number>>): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${quoted(String(value))}"`)
  return `{${pairs.join(',')}}`
}

function quoted(value: string): string {
  return value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')
}
