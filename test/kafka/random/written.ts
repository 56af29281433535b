import { readBatches, readRecords } from '../../../src/server/protocol/record-batch.ts'
import type { Talk } from './talk.ts'

const readUncommitted = 0
const readCommitted = 1

/** What consumers and administrators find in the two partitions of a topic. */
export class Written {
  readonly #talk: Talk
  readonly #topic: string
  readonly #showProducer: (producer: any) => string

  constructor(talk: Talk, topic: string, showProducer: (producer: any) => string) {
    this.#talk = talk
    this.#topic = topic
    this.#showProducer = showProducer
  }

  async look(): Promise<readonly (readonly [what: string, found: unknown])[]> {
    const found: [string, unknown][] = []
    for (const partition of [0, 1]) {
      found.push([`producers of ${partition}`, await this.#producers(partition)])
      for (const isolationLevel of [readUncommitted, readCommitted]) {
        const what = `${isolationLevel === readCommitted ? 'committed' : 'all'} of ${partition}`
        found.push([what, await this.#read(partition, isolationLevel)])
        found.push([`its end`, await this.#end(partition, isolationLevel)])
      }
    }
    return found
  }

  async #producers(partition: number): Promise<unknown> {
    const { topics } = await this.#talk.ask('describeProducers', 0, {
      topics: [{ name: this.#topic, partitionIndexes: [partition] }],
    })
    return topics[0].partitions[0].activeProducers
      .map((each: any) => [
        this.#showProducer(each),
        each.lastSequence,
        each.currentTxnStartOffset,
        each.coordinatorEpoch,
      ])
      .toSorted()
  }

  async #end(partition: number, isolationLevel: number): Promise<number> {
    const { topics } = await this.#talk.ask('listOffsets', 7, {
      replicaId: -1,
      isolationLevel,
      topics: [{ name: this.#topic, partitions: [{ partitionIndex: partition, timestamp: -1 }] }],
    })
    return topics[0].partitions[0].offset
  }

  // What an application is given, fetch by fetch: Kafka's first one lacks the end now and then. (Java: CompletedFetch)
  async #read(partition: number, isolationLevel: number): Promise<unknown> {
    const read: string[] = []
    for (let fetchOffset = 0; ; ) {
      const partitions = [{ partition, fetchOffset, partitionMaxBytes: 1 << 20 }]
      const { responses } = await this.#talk.ask('fetch', 12, {
        maxWaitMs: 0,
        minBytes: 0,
        isolationLevel,
        topics: [{ topic: this.#topic, partitions }],
      })
      const { errorCode, highWatermark, lastStableOffset, abortedTransactions, records } =
        responses[0].partitions[0]
      const batches = readBatches(records ?? Buffer.alloc(0))
      if (batches.length === 0) return [errorCode, highWatermark, lastStableOffset, fetchOffset, read]
      const aborted = (abortedTransactions ?? []).toSorted((a: any, b: any) => a.firstOffset - b.firstOffset)
      const within = new Set<number>()
      for (const batch of batches) {
        const { producerId, control, transactional } = batch
        fetchOffset = batch.baseOffset + batch.lastOffsetDelta + 1
        while (aborted[0]?.firstOffset < fetchOffset) within.add(aborted.shift().producerId)
        if (control) within.delete(producerId)
        else if (!transactional || !within.has(producerId)) {
          for (const { offset, value } of readRecords(batch, (_, bytes) => bytes)) {
            read.push(`${offset}: ${value}`)
          }
        }
      }
    }
  }
}
