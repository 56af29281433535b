import { expect, it } from 'vitest'
import { runExample } from './run-example.ts'

it('serves what Prometheus reads, by the names that operators know', { timeout: 60_000 }, async () => {
  const { exit, lines, errors } = await runExample('metrics/main.ts')

  expect(errors).toBe('')
  expect(exit).toBe(0)
  const samples = lines.filter(line => !line.startsWith('#'))
  expect(samples.filter(line => !line.startsWith('brokerlet_events'))).toEqual([
    'kafka_topic_partition_current_offset{topic="orders",partition="0"} 3',
    'kafka_topic_partition_current_offset{topic="orders",partition="1"} 2',
    'kafka_topic_partition_oldest_offset{topic="orders",partition="0"} 0',
    'kafka_topic_partition_oldest_offset{topic="orders",partition="1"} 0',
    'kafka_consumergroup_current_offset{consumergroup="billing",topic="orders",partition="0"} 2',
    'kafka_consumergroup_current_offset{consumergroup="billing",topic="orders",partition="1"} 2',
    'kafka_consumergroup_lag{consumergroup="billing",topic="orders",partition="0"} 1',
    'kafka_consumergroup_lag{consumergroup="billing",topic="orders",partition="1"} 0',
    'kafka_consumergroup_members{consumergroup="billing"} 0',
  ])
  expect(samples).toContain('brokerlet_events_total{event="skipped",consumergroup="billing"} 1')
  expect(samples).toContain('brokerlet_events_total{event="memberLeft",consumergroup="billing"} 1')
  expect(lines[0]).toBe('# HELP kafka_topic_partition_current_offset Where the log of a partition ends')
  expect(lines[1]).toBe('# TYPE kafka_topic_partition_current_offset gauge')
})
