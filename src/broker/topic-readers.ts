import type { ConsumerGroup } from '../group/consumer-group.ts'

const none: ReadonlySet<string> = new Set()

/** Which groups read a topic: what every record asks them must not go through all the groups of the broker. */
export class TopicReaders {
  readonly #groups: ReadonlyMap<string, ConsumerGroup>
  // By their ids: a group whose first call is refused is none of the broker's.
  readonly #byTopic = new Map<string, Set<string>>()

  constructor(groups: ReadonlyMap<string, ConsumerGroup>) {
    this.#groups = groups
  }

  /**
   * The ids of groups whose members have read the topic, or which have committed offsets of it. Some groups may have
   * forgotten it, and some ids may be no group's.
   */
  ids(topic: string): ReadonlySet<string> {
    return this.#byTopic.get(topic) ?? none
  }

  group(groupId: string): ConsumerGroup | undefined {
    return this.#groups.get(groupId)
  }

  add(topic: string, groupId: string): void {
    let groupIds = this.#byTopic.get(topic)
    if (groupIds === undefined) {
      groupIds = new Set()
      this.#byTopic.set(topic, groupIds)
    }
    groupIds.add(groupId)
  }

  deleteTopic(topic: string): void {
    this.#byTopic.delete(topic)
  }

  deleteGroup(groupId: string): void {
    for (const [topic, groupIds] of this.#byTopic) {
      if (groupIds.delete(groupId) && groupIds.size === 0) this.#byTopic.delete(topic)
    }
  }
}
