import { sequencedBatch } from '../../helpers/wire-client.ts'
import type { Talk } from './talk.ts'

// COORDINATOR_LOAD_IN_PROGRESS, COORDINATOR_NOT_AVAILABLE, NOT_COORDINATOR, CONCURRENT_TRANSACTIONS
const passing = new Set([14, 15, 16, 51])

interface Identity {
  readonly producerId: number
  readonly producerEpoch: number
}

/** Writes to two partitions of a topic in transactions, one after the other, and knows where these end. */
export class Transactional {
  readonly #talk: Talk
  readonly #topic: string
  #identity: Identity | undefined
  readonly #next = [0, 0]
  /** The partitions in the present transaction. */
  readonly #open = new Set<number>()
  /** The offsets of each partition at which a transaction ends. */
  readonly ends: readonly Set<number>[] = [new Set(), new Set()]

  constructor(talk: Talk, topic: string) {
    this.#talk = talk
    this.#topic = topic
  }

  get isOpen(): boolean {
    return this.#open.size > 0
  }

  async send(index: number, count: number, timestamp = 0): Promise<void> {
    const talk = this.#talk
    this.#identity ??= await this.#init()
    const { producerId, producerEpoch }: Identity = this.#identity
    const sequence = this.#next[index]!
    const values = Array.from({ length: count }, (_, i) => sequence + i)
    const records = [sequencedBatch(producerId, producerEpoch, sequence, values, 16, timestamp)]
    const { responses } = await talk.eventually(
      () =>
        talk.ask('produce', 12, {
          transactionalId: talk.name,
          acks: -1,
          topicData: [{ name: this.#topic, partitionData: [{ index, records }] }],
        }),
      answer => passing.has(answer.responses[0].partitionResponses[0].errorCode),
    )
    const { errorCode, baseOffset } = responses[0].partitionResponses[0]
    this.#next[index] = sequence + count
    this.#open.add(index)
    talk.tell(`${count} in a transaction to ${index}`, [errorCode, baseOffset])
  }

  async #init(): Promise<Identity> {
    const talk = this.#talk
    await talk.eventually(
      () => talk.ask('findCoordinator', 4, { keyType: 1, coordinatorKeys: [talk.name] }),
      ({ coordinators }) => passing.has(coordinators[0].errorCode),
    )
    const nobody = { producerId: -1, producerEpoch: -1 }
    return talk.eventually(
      () =>
        talk.ask('initProducerId', 5, {
          transactionalId: talk.name,
          transactionTimeoutMs: 60_000,
          ...nobody,
        }),
      ({ errorCode }) => passing.has(errorCode),
    )
  }

  /** Ends the transaction, and waits until all its partitions know. */
  async end(): Promise<void> {
    const talk = this.#talk
    const committed = talk.chance(0.5)
    const { producerId, producerEpoch } = this.#identity!
    const asked = { transactionalId: talk.name, committed, producerId, producerEpoch }
    const before = new Map<number, number>()
    for (const partition of this.#open) before.set(partition, await this.#end(partition, 0))
    const answer = await talk.eventually(
      () => talk.ask('endTxn', 5, asked),
      ({ errorCode }) => passing.has(errorCode),
    )
    talk.tell(committed ? 'commit' : 'abort', answer.errorCode)
    this.#identity = answer
    this.#next.fill(0)
    for (const partition of this.#open) {
      const end = await talk.eventually(
        async () => [await this.#end(partition, 0), await this.#end(partition, 1)],
        // The end of the transaction is there a moment before the high watermark is behind it.
        ([all, stable]) => all !== stable || all === before.get(partition),
      )
      this.ends[partition]!.add(end[0]! - 1)
    }
    this.#open.clear()
  }

  async #end(partitionIndex: number, isolationLevel: number): Promise<number> {
    const { topics } = await this.#talk.ask('listOffsets', 7, {
      replicaId: -1,
      isolationLevel,
      topics: [{ name: this.#topic, partitions: [{ partitionIndex, timestamp: -1 }] }],
    })
    return topics[0].partitions[0].offset
  }
}
