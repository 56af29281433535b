import type {
  CommittingMember,
  EngineTransaction,
  EpochOffset,
  ProducerRecord,
  TransactionalProducer,
} from '../engine.ts'
import type { MaybePromise } from '../maybe-promise.ts'
import type { RecordMetadata } from '../record.ts'
import type { TopicPartitionOffset } from '../topic-partition.ts'
import { neverAnswered } from './never.ts'
import { after, type TestClient } from './test-client.ts'

/** A transaction of a process that died: none of its requests is answered. */
class UnheardTransaction implements EngineTransaction {
  readonly append: () => Promise<RecordMetadata> = neverAnswered
  readonly appendBatch: () => Promise<RecordMetadata[]> = neverAnswered
  readonly sendOffsets: () => Promise<void> = neverAnswered
  readonly commit: () => Promise<void> = neverAnswered
  readonly abort: () => Promise<void> = neverAnswered
}

/** The producer of a process that died before it had asked for a producer id. */
export const unheardProducer: TransactionalProducer = { begin: () => new UnheardTransaction() }

/** A producer with a transactional id, behind the fault plan. */
export class TestTransactionalProducer implements TransactionalProducer {
  readonly #producer: TransactionalProducer
  readonly #client: TestClient

  constructor(producer: TransactionalProducer, client: TestClient) {
    this.#producer = producer
    this.#client = client
  }

  begin(): MaybePromise<EngineTransaction> {
    if (this.#client.bench.silenced()) return unheardProducer.begin()
    const wrap = (transaction: EngineTransaction) => new TestTransaction(transaction, this.#client)
    return after(this.#client.meet('beginTransaction', []), () => after(this.#producer.begin(), wrap))
  }
}

/** One transaction, behind the fault plan. */
class TestTransaction implements EngineTransaction {
  readonly #transaction: EngineTransaction
  readonly #client: TestClient
  readonly #offsets: TopicPartitionOffset[] = []
  #over = false

  constructor(transaction: EngineTransaction, client: TestClient) {
    this.#transaction = transaction
    this.#client = client
    this.#note('transaction begun')
  }

  get #silenced(): boolean {
    return this.#client.bench.silenced()
  }

  append(record: ProducerRecord): MaybePromise<RecordMetadata> {
    if (this.#silenced) return neverAnswered()
    const met = this.#client.meet('append', [placeOf(record)])
    return this.#client.bench.written(after(met, () => this.#transaction.append(record)))
  }

  appendBatch(records: readonly ProducerRecord[]): MaybePromise<RecordMetadata[]> {
    if (this.#silenced) return neverAnswered()
    const met = this.#client.meet('append', records.map(placeOf))
    return this.#client.bench.written(after(met, () => this.#transaction.appendBatch(records)))
  }

  sendOffsets(membership: CommittingMember, offsets: readonly EpochOffset[]): MaybePromise<void> {
    if (this.#silenced) return neverAnswered()
    return after(this.#client.meet('sendOffsets', offsets), () => {
      for (const { topic, partition, offset } of offsets) this.#offsets.push({ topic, partition, offset })
      return this.#transaction.sendOffsets(membership, offsets)
    })
  }

  commit(): MaybePromise<void> {
    return this.#end('commitTransaction', () => this.#transaction.commit(), 'transaction committed')
  }

  abort(): MaybePromise<void> {
    // A transaction that has ended needs no abort, so it meets no fault.
    if (this.#over) return this.#transaction.abort()
    return this.#end('abortTransaction', () => this.#transaction.abort(), 'transaction aborted')
  }

  #end(
    operation: 'commitTransaction' | 'abortTransaction',
    end: () => MaybePromise<void>,
    kind: 'transaction committed' | 'transaction aborted',
  ): MaybePromise<void> {
    // The coordinator aborts the transaction of a dead process at its timeout.
    if (this.#silenced) return neverAnswered()
    const ended = () => {
      this.#over = true
      this.#note(kind)
    }
    return this.#client.bench.written(after(this.#client.meet(operation, []), () => after(end(), ended)))
  }

  #note(kind: 'transaction begun' | 'transaction committed' | 'transaction aborted'): void {
    this.#client.note({ kind, offsets: [...this.#offsets] })
  }
}

function placeOf({ topic, partition }: ProducerRecord): {
  readonly topic: string
  readonly partition: number
} {
  return { topic: topic.name, partition }
}
