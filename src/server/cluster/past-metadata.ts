import { askedTopics, isNamed } from '../named-topic.ts'
import type { RequestOf, ResponseOf } from '../protocol/message.ts'
import type { metadata } from '../protocol/messages/metadata.ts'
import type { Wire } from '../wire.ts'
import { errnoOf } from '../wire-error-code.ts'
import { type MetadataImage, takeImage } from './metadata-image.ts'

/** The cluster as it was before its last change, for clients that are to be told what is out of date. */
export class PastMetadata {
  readonly #wire: Wire
  #past: MetadataImage
  #present: MetadataImage

  constructor(wire: Wire) {
    this.#wire = wire
    this.#present = takeImage(wire)
    this.#past = this.#present
    const { events } = wire.engine
    events.on('topicCreated', this.#changed)
    events.on('topicDeleted', this.#changed)
    events.on('partitionsAdded', this.#changed)
    wire.cluster.listeners.add(this.#changed)
  }

  readonly #changed = (): void => {
    this.#past = this.#present
    this.#present = takeImage(this.#wire)
  }

  /** Answers from the former image, and creates no topic: one that did not exist then is unknown. */
  answer({ topics }: RequestOf<typeof metadata>, version: number): ResponseOf<typeof metadata> {
    const { cluster, topics: known } = this.#past
    const named = askedTopics(version, topics)
    if (named === null) return { ...cluster, topics: known }
    return {
      ...cluster,
      topics: named.map(asked => {
        const { name, topicId } = asked
        const isByName = isNamed(asked)
        const found = known.find(topic => (isByName ? topic.name === name : topic.topicId === topicId))
        if (found !== undefined) return found
        const errorCode = errnoOf(isByName ? 'UNKNOWN_TOPIC_OR_PARTITION' : 'UNKNOWN_TOPIC_ID')
        return { name: isByName ? name : null, topicId, errorCode }
      }),
    }
  }

  close(): void {
    const { events } = this.#wire.engine
    events.off('topicCreated', this.#changed)
    events.off('topicDeleted', this.#changed)
    events.off('partitionsAdded', this.#changed)
    this.#wire.cluster.listeners.delete(this.#changed)
  }
}
