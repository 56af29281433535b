import type { EngineTopic, ProducerRecord } from './engine.ts'
import type { RecordHeaders, RecordKey } from './record.ts'

/** A record with its partition, for an engine to append. A class, for the reason that `plainObject` gives. */
export class PlacedRecord implements ProducerRecord {
  readonly topic: EngineTopic
  readonly partition: number
  readonly key: RecordKey | null
  readonly value: unknown
  readonly headers: RecordHeaders
  readonly timestamp: number | undefined

  constructor(
    topic: EngineTopic,
    partition: number,
    key: RecordKey | null,
    value: unknown,
    headers: RecordHeaders,
    timestamp?: number,
  ) {
    this.topic = topic
    this.partition = partition
    this.key = key
    this.value = value
    this.headers = headers
    this.timestamp = timestamp
  }
}
