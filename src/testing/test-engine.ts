import type { BrokerClock } from '../broker-clock.ts'
import type {
  Engine,
  EngineClient,
  EngineTopic,
  FetchPosition,
  FetchSession,
  GroupStoppedEvent,
  JoinRequest,
  Membership,
  MembershipListener,
  ProducerRecord,
  SendWait,
  TransactionalProducer,
  Unread,
} from '../engine.ts'
import { IllegalStateError } from '../errors.ts'
import type { MaybePromise } from '../maybe-promise.ts'
import type { Outbox } from '../outbox.ts'
import type { IsolationLevel, RecordMetadata } from '../record.ts'
import type { OffsetAndMetadata, OffsetSpec, TopicPartition } from '../topic-partition.ts'
import { noting } from './handler-call.ts'
import { neverAnswered } from './never.ts'
import { after, placesOf, type TestClient } from './test-client.ts'
import { TestFetchSession } from './test-fetch-session.ts'
import { TestListener } from './test-listener.ts'
import { TestMembership } from './test-membership.ts'
import { TestTransactionalProducer, unheardProducer } from './test-transactions.ts'

/** The engine that one client of a test broker uses: the real one, behind the fault plan. */
export class TestEngine implements Engine {
  readonly #engine: Engine
  readonly #client: TestClient
  // Appends that a fault holds back, in order: a later record must not be written before an earlier one.
  #waiting: Promise<unknown> | undefined
  readonly #sender: EngineClient = {
    pending: () => [`${this.#client.member} waits to append, because of a fault`],
    close: async () => [],
  }

  constructor(engine: Engine, client: TestClient) {
    this.#engine = engine
    this.#client = client
  }

  get clock(): BrokerClock {
    return this.#engine.clock
  }

  get outbox(): Outbox {
    return this.#engine.outbox
  }

  get random(): () => number {
    return this.#engine.random
  }

  get name(): string {
    return this.#engine.name
  }

  get closed(): boolean {
    return this.#engine.closed
  }

  requireOpen(): void {
    this.#engine.requireOpen()
  }

  topic(name: string): MaybePromise<EngineTopic> {
    return after(this.#client.meet('metadata', [{ topic: name }]), () => this.#engine.topic(name))
  }

  append(record: ProducerRecord, wait: SendWait): MaybePromise<RecordMetadata> {
    return this.#write([record], () => noting(() => this.#engine.append(record, wait)))
  }

  appendBatch(records: readonly ProducerRecord[], wait: SendWait): MaybePromise<RecordMetadata[]> {
    return this.#write(records, () => noting(() => this.#engine.appendBatch(records, wait)))
  }

  #write<Written>(
    records: readonly ProducerRecord[],
    write: () => MaybePromise<Written>,
  ): MaybePromise<Written> {
    const { bench } = this.#client
    if (bench.silenced()) return neverAnswered()
    return bench.written(this.#writeInTurn(records, write))
  }

  #writeInTurn<Written>(
    records: readonly ProducerRecord[],
    write: () => MaybePromise<Written>,
  ): MaybePromise<Written> {
    const places = records.map(({ topic, partition }) => ({ topic: topic.name, partition }))
    if (this.#waiting !== undefined) {
      return this.#wait(this.#waiting.then(() => after(this.#client.meet('append', places), write)))
    }
    const met = this.#client.meet('append', places)
    // A write that waits for room after that is reported by the engine itself.
    return met === undefined ? write() : this.#wait(met.then(write))
  }

  #wait<Written>(written: Promise<Written>): Promise<Written> {
    const ended = () => {
      if (this.#waiting !== waiting) return
      this.#waiting = undefined
      this.untrack(this.#sender)
    }
    const waiting = written.then(ended, ended)
    this.#waiting = waiting
    this.track(this.#sender)
    return written
  }

  initTransactions(transactionalId: string, timeoutMs: number): MaybePromise<TransactionalProducer> {
    const { initTransactions } = this.#engine
    if (initTransactions === undefined) throw new IllegalStateError(`The ${this.name} has no transactions`)
    if (this.#client.bench.silenced()) return unheardProducer
    const wrap = (producer: TransactionalProducer) => new TestTransactionalProducer(producer, this.#client)
    return after(this.#client.meet('initTransactions', []), () =>
      after(initTransactions.call(this.#engine, transactionalId, timeoutMs), wrap),
    )
  }

  join(request: JoinRequest, listener: MembershipListener): MaybePromise<Membership> {
    const client = this.#client
    return after(client.meet('join', placesOf(request.interest)), () => {
      const told = new TestListener(client, listener)
      const wrap = (membership: Membership) => {
        client.memberId = membership.memberId
        told.joined(membership.memberId)
        return new TestMembership(membership, client)
      }
      return after(this.#joinAs(told, request), wrap)
    })
  }

  #joinAs(told: TestListener, request: JoinRequest): MaybePromise<Membership> {
    const { bench } = this.#client
    bench.joining = told
    try {
      return this.#engine.join(request, told)
    } finally {
      bench.joining = undefined
    }
  }

  committed(groupId: string, tp: TopicPartition): MaybePromise<OffsetAndMetadata | null> {
    return after(this.#client.meet('committed', [tp]), () => this.#engine.committed(groupId, tp))
  }

  fetch<Position extends FetchPosition>(
    wake: () => void,
    isolationLevel: IsolationLevel,
  ): FetchSession<Position> {
    return new TestFetchSession<Position>(this.#engine, this.#client, wake, isolationLevel)
  }

  offsetFor(tp: TopicPartition, spec: OffsetSpec, isolationLevel: IsolationLevel): MaybePromise<number> {
    const look = () => this.#engine.offsetFor(tp, spec, isolationLevel)
    return after(this.#client.meet('offsets', [tp]), look)
  }

  track(client: EngineClient): void {
    this.#engine.track(client)
  }

  untrack(client: EngineClient): void {
    this.#engine.untrack(client)
  }

  consumerStopped(event: GroupStoppedEvent, left: () => readonly Unread[]): void {
    this.#engine.consumerStopped(event, left)
  }

  touch(): void {
    this.#engine.touch()
  }

  waitUntil(
    what: string,
    condition: () => boolean,
    explain: () => string,
    timeoutMs: number | undefined,
  ): Promise<void> {
    return this.#engine.waitUntil(what, condition, explain, timeoutMs)
  }
}
