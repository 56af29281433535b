import type { TopicOptions } from '../topic-definition.ts'
import { collidingTopic } from '../topic-name.ts'
import { requireArgument } from '../validate.ts'
import { localBroker } from './local-broker.ts'

/** The parts of a broker in this process that `portability` reads. */
export interface PortableBroker {
  readonly topics: ReadonlyMap<string, { readonly options: TopicOptions }>
  readonly groups: ReadonlyMap<string, { readonly assignor: string }>
}

/** Something that works differently on a cluster. */
export interface PortabilityNote {
  /** The topic, or the group, that the note is about. */
  readonly topic?: string
  readonly groupId?: string
  readonly option: string
  readonly value: unknown
  /**
   * `refused`: the cluster refuses the option, so the program must change. `changes`: the option behaves differently.
   */
  readonly effect: 'refused' | 'changes'
  readonly onCluster: string
}

/**
 * Lists everything about a broker's topics and groups that would not carry over to a cluster unchanged.
 *
 * @example for (const { topic, option, onCluster } of portability(broker)) console.log(topic, option, onCluster)
 */
export function portability(broker: PortableBroker): PortabilityNote[] {
  requireArgument('portability', 'broker', broker, localBroker)
  const topics = [...broker.topics].flatMap(([name, topic]) =>
    [...collisionOf(name, broker), ...notesOn(topic)].map(note => ({ topic: name, ...note })),
  )
  const groups = [...broker.groups].flatMap(([groupId, { assignor }]): PortabilityNote[] => {
    if (assignor === 'uniform' || assignor === 'range') return []
    const onCluster = `'uniform' or 'range', which assign on the brokers`
    return [{ groupId, option: 'assignor', value: assignor, effect: 'refused', onCluster }]
  })
  return [...topics, ...groups]
}

function collisionOf(name: string, { topics }: PortableBroker): Omit<PortabilityNote, 'topic'>[] {
  const other = collidingTopic(name, topics)
  if (other === undefined) return []
  const onCluster = `refused beside '${other}': '.' and '_' are the same in names of metrics`
  return [{ option: 'name', value: name, effect: 'refused', onCluster }]
}

/** The options of a topic, and perhaps those that it was created with: the others are defaults. */
interface OptionsOfTopic {
  readonly options: TopicOptions
  readonly asked?: TopicOptions
}

function notesOn({ options, asked = {} }: OptionsOfTopic): Omit<PortabilityNote, 'topic'>[] {
  const { retentionRecords = -1, whenFull = 'drop-oldest', cleanupPolicy = 'delete', codec, freeze } = options
  const notes: Omit<PortabilityNote, 'topic'>[] = []
  const note = (option: string, value: unknown, effect: PortabilityNote['effect'], onCluster: string) =>
    notes.push({ option, value, effect, onCluster })
  if (retentionRecords !== -1)
    note('retentionRecords', retentionRecords, 'refused', 'retentionMs and retentionBytes')
  // Only where it was set: its default depends on other options.
  if (asked.segmentRecords !== undefined)
    note('segmentRecords', asked.segmentRecords, 'refused', 'segmentBytes and segmentMs')
  if (cleanupPolicy === 'consumed')
    note(
      'cleanupPolicy',
      cleanupPolicy,
      'refused',
      `'delete': records stay for their time, whoever has read them`,
    )
  // 'compact' implies 'reject', which the program may not have set.
  else if (whenFull !== 'drop-oldest' && (cleanupPolicy !== 'compact' || asked.whenFull !== undefined))
    note('whenFull', whenFull, 'refused', 'the oldest records go, read or not')
  if (codec === undefined)
    note('codec', undefined, 'changes', 'values are bytes: json, unless the topic has a codec')
  if (freeze) note('freeze', freeze, 'changes', 'each reader gets a copy of its own')
  return notes
}
