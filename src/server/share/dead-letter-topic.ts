import { InvalidOptionError } from '../../errors.ts'
import type { Topic } from '../../log/topic.ts'
import { createTopic } from '../create-topic.ts'
import { keptBrokerConfigs } from '../kept-broker-configs.ts'
import type { Wire } from '../wire.ts'

const enable = 'errors.deadletterqueue.group.enable'

/**
 * The dead letter topic of a share group, made if it is missing and the broker may. `broker`: the one that leads what is
 * given up.
 *
 * @throws InvalidOptionError if the group may not write to that topic, and why it cannot be created
 */
export function deadLetterTopic(
  wire: Wire,
  groupId: string,
  name: string,
  broker: string | undefined,
): Topic {
  const refuse = (why: string) =>
    new InvalidOptionError(
      `Share group '${groupId}' cannot write to its dead letter topic '${name}': ${why}`,
      {
        option: 'errors.deadletterqueue.topic.name',
        received: name,
      },
    )
  const { engine, keptConfigs } = wire
  const known = engine.topics.get(name)
  if (known !== undefined && keptConfigs.valueOf(known, enable) !== 'true') {
    throw refuse(`the topic's config ${enable} is not true`)
  }
  const autoCreate = 'errors.deadletterqueue.auto.create.topics.enable'
  if (known === undefined && brokerText(wire, autoCreate, broker) !== 'true') {
    throw refuse(`there is no such topic, and the broker's config ${autoCreate} is not true`)
  }
  const prefix = brokerText(wire, 'errors.deadletterqueue.topic.name.prefix', broker)
  if (!name.startsWith(prefix)) {
    throw refuse(`by the broker's config errors.deadletterqueue.topic.name.prefix it begins with '${prefix}'`)
  }
  return known ?? made(wire, name)
}

function brokerText({ dynamicConfigs: dynamic }: Wire, name: string, broker: string | undefined): string {
  return dynamic.sourcesOf(name, broker)[0]?.value ?? fallbacks.get(name)!
}

const fallbacks = new Map(keptBrokerConfigs.map(({ name, fallback }) => [name, fallback]))

// (Kafka: ShareGroupDLQStateManager.createTopicBuilder)
function made(wire: Wire, name: string): Topic {
  const configs = [
    { name: enable, value: 'true' },
    { name: 'message.timestamp.type', value: 'CreateTime' },
  ]
  createTopic(wire, { name, numPartitions: -1, replicationFactor: -1, assignments: [], configs }, false)
  return wire.engine.topics.get(name)!
}
