import type { EngineTopic, ProducerRecord } from './engine.ts'
import { plainObject } from './plain-object.ts'
import type { RecordHeaders, RecordKey } from './record.ts'

/** A record that got its partition, for an engine to append. */
export const PlacedRecord = /* @__PURE__ */ plainObject<
  ProducerRecord,
  [
    topic: EngineTopic,
    partition: number,
    key: RecordKey | null,
    value: unknown,
    headers: RecordHeaders,
    timestamp: number | undefined,
  ]
>(function (topic, partition, key, value, headers, timestamp) {
  this.topic = topic
  this.partition = partition
  this.key = key
  this.value = value
  this.headers = headers
  this.timestamp = timestamp
})
