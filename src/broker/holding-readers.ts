import type { Partition } from '../log/partition.ts'
import type { TopicReaders } from './topic-readers.ts'

/** Which group was found last, and those that are asked after it. */
interface Found {
  groupId: string
  rest: IterableIterator<string>
}

/**
 * Finds a group that has not read the first record of a partition. Mostly that is the group that was found last, and
 * where it has gone on, one of those after it: of hundreds of groups that read abreast, a commit asks one or two.
 */
export class HoldingReaders {
  readonly #readers: TopicReaders
  readonly #found = new WeakMap<Partition, Found>()

  constructor(readers: TopicReaders) {
    this.#readers = readers
  }

  /** Whether a group holds back all that the partition has. False also where no group reads it. */
  any(partition: Partition): boolean {
    const groupIds = this.#readers.ids(partition.topic)
    let found = this.#found.get(partition)
    if (found === undefined) {
      found = { groupId: '', rest: groupIds.values() }
      this.#found.set(partition, found)
    }
    if (this.#holds(found.groupId, partition)) return true
    if (this.#goOn(found, partition)) return true
    found.rest = groupIds.values()
    return this.#goOn(found, partition)
  }

  #goOn(found: Found, partition: Partition): boolean {
    for (const groupId of found.rest) {
      if (!this.#holds(groupId, partition)) continue
      found.groupId = groupId
      return true
    }
    return false
  }

  #holds(groupId: string, { topic, index, logStartOffset }: Partition): boolean {
    const before = this.#readers.group(groupId)?.consumedBefore(topic, index)
    return before !== undefined && before <= logStartOffset
  }
}
