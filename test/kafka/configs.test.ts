import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { KafkaAndServed } from './kafka-and-served.ts'
import { isKafkaInstalled } from './real-kafka.ts'

const numbers = [
  ...['-9223372036854775809', '-9223372036854775808', '-131073', '-131072', '-3', '-2', '-1', '-0', '0', '1'],
  ...['2', '4', '9', '10', '17', '18', '22', '23', '100', '1048575', '1048576', '2147483647', '2147483648'],
  ...[
    '604800000',
    '9223372036854775807',
    '9223372036854775808',
    '1.5',
    '0.5',
    '1e3',
    '0x10',
    '+5',
    ' 7 ',
    '1_0',
  ],
]
const words = [
  '',
  '  ',
  'abc',
  'true',
  ' TRUE',
  'yes',
  'none',
  'lz4',
  'LZ4',
  'zstd ',
  'CreateTime',
  'createtime',
]
const lists = [
  ...['delete', 'compact', 'compact,delete', 'delete,delete', 'DELETE', ',', 'delete,', 'delete,,compact'],
  ...['*', '*,0:1', '0:1', '0:1,1:2', '0:1, 0:1', '0:1,x', '0:', ':1', '0:1:2'],
]
const values = [...numbers, ...words, ...lists]

/** Where brokerlet refuses on purpose what Kafka accepts: see docs/differences-from-kafka.md. */
const stricter: Readonly<Record<string, (value: string) => boolean>> = {
  'cleanup.policy': value => value.trim() === '',
  'max.message.bytes': value => Number(value) === 0,
  'retention.ms': value => Number(value) === 0,
  'retention.bytes': value => Number(value) < 1,
}

/** What brokerlet has another default of. */
const otherDefaults = new Set(['max.message.bytes', 'segment.bytes', 'segment.ms'])

// A topic of the process may keep what nobody has consumed.
const refusal = ({ errorCode, errorMessage }: any) =>
  `${errorCode} ${errorMessage?.replace(', consumed', '') ?? ''}`

interface Told {
  readonly name: string
  readonly value: string | null
  readonly configSource: number
}

describe.skipIf(!isKafkaInstalled)('configs at a real Kafka and at a served broker', () => {
  const kafkaAndServed = new KafkaAndServed()
  beforeAll(() => kafkaAndServed.start())
  afterAll(() => kafkaAndServed.close())

  const tried = async (topics: readonly (readonly { readonly name: string; readonly value: string }[])[]) => {
    const answers = await kafkaAndServed.ask('createTopics', 7, {
      validateOnly: true,
      topics: topics.map((configs, i) => ({
        name: `tried-${i}`,
        numPartitions: 1,
        replicationFactor: 1,
        assignments: [],
        configs,
      })),
    })
    return answers.map(answer =>
      [...answer.topics].sort((a, b) => Number(a.name.slice(6)) - Number(b.name.slice(6))),
    )
  }

  it('are the same for a topic, with the same defaults', async () => {
    const [real, served] = (await tried([[]])).map(([made]) => made.configs as readonly Told[])
    const defaults = (configs: readonly Told[]) =>
      configs
        .filter(({ name }) => !otherDefaults.has(name))
        .map(({ name, value, configSource }) => `${name}=${value} (${configSource})`)
        .sort()
    expect(served!.map(({ name }) => name).sort()).toEqual(real!.map(({ name }) => name).sort())
    expect(defaults(served!)).toEqual(defaults(real!))
  })

  it('of a topic take the same values, and refuse the others in the same words', async () => {
    const [[made]] = (await tried([[]])) as [any[]]
    const names = (made.configs as readonly Told[]).map(({ name }) => name)
    const differ: unknown[] = []
    for (const name of names) {
      const [real, served] = await tried(values.map(value => [{ name, value }]))
      for (const [i, value] of values.entries()) {
        if (stricter[name]?.(value) && real![i].errorCode === 0) continue
        const [expected, received] = [refusal(real![i]), refusal(served![i])]
        if (expected !== received) differ.push([name, value, expected, received])
      }
    }
    expect(differ).toEqual([])
  })

  it('of a broker take the same values, and refuse the others in the same words', async () => {
    const names = [
      'log.retention.bytes',
      'log.index.size.max.bytes',
      'log.preallocate',
      'log.cleanup.policy',
      'compression.type',
    ]
    const more = [
      'compression.gzip.level',
      'log.cleaner.min.cleanable.ratio',
      'leader.replication.throttled.rate',
    ]
    const fixed = [
      'node.id',
      'num.partitions',
      'auto.create.topics.enable',
      'group.max.size',
      'log.retention.hours',
    ]
    const differ: unknown[] = []
    for (const name of [...names, ...more, ...fixed]) {
      for (const value of values) {
        if (name === 'log.retention.bytes' && Number(value) < 1 && Number(value) !== -1) continue
        if (name === 'log.cleanup.policy' && value.trim() === '') continue
        const configs = [{ name, configOperation: 0, value }]
        const resources = [{ resourceType: 4, resourceName: '', configs }]
        const answers = await kafkaAndServed.ask('incrementalAlterConfigs', 1, {
          resources,
          validateOnly: true,
        })
        const [expected, received] = answers.map(({ responses }) => refusal(responses[0]))
        if (expected !== received) differ.push([name, value, expected, received])
      }
    }
    expect(differ).toEqual([])
  })
})
