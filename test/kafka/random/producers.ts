import { setTimeout as sleep } from 'node:timers/promises'
import { sequencedBatch } from '../../helpers/wire-client.ts'
import type { Talk } from './talk.ts'
import { Written } from './written.ts'

interface Identity {
  readonly producerId: number
  readonly producerEpoch: number
}

interface Producer {
  /** Its transactional id; null for one that is only idempotent. */
  readonly id: string | null
  /** Those that it was given; the last one is the current one. */
  readonly identities: Identity[]
  /** The next sequence number of each partition. */
  readonly next: number[]
  /** Whether its client gets a new epoch from each end, and adds nothing beforehand (KIP-890). */
  current: boolean
}

const noMember = ['', -1] as const
// A member that commits for a group that does not exist hears another error, after which its client joins anew.
const noGroup = new Set([22, 69])
const unknownMember = 25
const nobody: Identity = { producerId: -1, producerEpoch: -1 }

// NOT_LEADER_OR_FOLLOWER, COORDINATOR_LOAD_IN_PROGRESS, COORDINATOR_NOT_AVAILABLE, NOT_COORDINATOR,
// NOT_ENOUGH_REPLICAS, CONCURRENT_TRANSACTIONS: Kafka is not ready yet.
const passing = new Set([6, 14, 15, 16, 19, 51])

/** Producers that are idempotent or in transactions, also those that are fenced, late, or wrong. */
export class Producers {
  readonly #talk: Talk
  readonly #topic: string
  #topicId = ''
  readonly #group: string
  readonly #producers: Producer[]
  // In the order in which they were given.
  readonly #ids: number[] = []
  readonly #written: Written

  constructor(talk: Talk) {
    this.#talk = talk
    this.#topic = talk.name
    this.#group = `${talk.name}-group`
    this.#producers = [`${talk.name}-a`, `${talk.name}-b`, null].map(id => ({
      id,
      identities: [],
      next: [0, 0],
      current: true,
    }))
    this.#written = new Written(talk, this.#topic, producer => this.#show(producer))
  }

  get #transactionalIds(): string[] {
    return this.#producers.flatMap(({ id }) => id ?? [])
  }

  async converse(steps: number): Promise<void> {
    await this.#start()
    for (let i = 0; i < steps; i++) await this.#step()
    await this.#describe()
    for (const producer of this.#producers) if (producer.id !== null) await this.#init(producer, nobody)
    await this.#describe()
  }

  async #start(): Promise<void> {
    const topic = { name: this.#topic, numPartitions: 2, replicationFactor: 1, assignments: [], configs: [] }
    const made = await this.#talk.ask('createTopics', 7, { topics: [topic] })
    this.#topicId = made.topics[0].topicId
    await this.#talk.eventually(
      () => this.#talk.ask('metadata', 12, { topics: [{ name: this.#topic }] }),
      ({ topics: [{ errorCode, partitions }] }) => errorCode !== 0 || partitions.length !== 2,
    )
    for (const [keyType, coordinatorKeys] of [
      [0, [this.#group]],
      [1, this.#transactionalIds],
    ] as const) {
      await this.#settled(
        () => this.#talk.ask('findCoordinator', 4, { keyType, coordinatorKeys }),
        ({ coordinators }) => coordinators[0].errorCode,
      )
    }
  }

  async #step(): Promise<void> {
    const talk = this.#talk
    const producer = talk.oneOf(this.#producers)
    const identity = this.#oneOf(producer.identities)
    const dice = talk.below(100)
    if (identity === undefined || dice < 8) {
      const isNew = identity === undefined || producer.id === null || talk.chance(0.5)
      await this.#init(producer, isNew ? nobody : talk.oneOf(producer.identities))
    } else if (dice < 50) await this.#send(producer, identity)
    else if (dice < 63 && !producer.current) {
      if (talk.chance(0.6)) await this.#addPartitions(producer, identity)
      else await this.#addOffsets(producer, identity)
    }
    // Only one of them: of two commits of an offset the one that is decided later counts here, see the differences.
    else if (dice < 70 && producer === this.#producers[0]) await this.#commitInTransaction(producer, identity)
    else if (dice < 73) await this.#commit()
    else if (dice < 95) await this.#end(producer, identity)
    else await this.#describe()
  }

  // Mostly the current one.
  #oneOf(identities: readonly Identity[]): Identity | undefined {
    const last = identities.at(-1)
    if (last === undefined || this.#talk.chance(0.85)) return last
    if (this.#talk.chance(0.2)) return { ...last, producerEpoch: last.producerEpoch + 1 }
    return this.#talk.oneOf(identities)
  }

  async #init(producer: Producer, known: Identity): Promise<void> {
    // A client may be replaced by another version of it.
    if (known === nobody) producer.current = this.#talk.chance(0.5)
    const version = producer.current ? 5 : this.#talk.oneOf([3, 4])
    const asked = { transactionalId: producer.id, transactionTimeoutMs: 60_000, ...known }
    const answer = await this.#settled(
      () => this.#talk.ask('initProducerId', version, asked),
      ({ errorCode }) => errorCode,
    )
    await this.#states()
    this.#talk.tell(`init v${version} ${producer.id} ${this.#show(known)}`, [
      answer.errorCode,
      this.#given(producer, answer),
    ])
  }

  #given(producer: Producer, { producerId, producerEpoch }: Identity): string {
    const given = { producerId, producerEpoch }
    if (producerId >= 0) {
      if (!this.#ids.includes(producerId)) this.#ids.push(producerId)
      const last = producer.identities.at(-1)
      if (last?.producerId !== producerId || last.producerEpoch !== producerEpoch) {
        producer.identities.push(given)
        producer.next.fill(0)
      }
    }
    return this.#show(given)
  }

  async #send(producer: Producer, identity: Identity): Promise<void> {
    const talk = this.#talk
    const { producerId, producerEpoch } = identity
    const index = talk.below(2)
    const next = producer.next[index]!
    // What is refused before anything was written is for Kafka's verification to remember.
    const isNext = next === 0 || talk.chance(0.75)
    const sequence = isNext ? next : Math.max(0, next + talk.oneOf([-3, -2, -1, 1, 2, -next]))
    const values = Array.from({ length: 1 + talk.below(3) }, (_, i) => sequence + i)
    const attributes = producer.id === null ? 0 : 16
    const records = [sequencedBatch(producerId, producerEpoch, sequence, values, attributes)]
    const version = producer.current ? 12 : talk.oneOf([9, 11])
    const topicData = [{ name: this.#topic, partitionData: [{ index, records }] }]
    // Now and then in the name of another one, or of none.
    const named = talk.chance(0.06)
      ? talk.oneOf([null, `${talk.name}-c`, ...this.#transactionalIds])
      : producer.id
    const answer = await this.#settled(
      () => talk.ask('produce', version, { transactionalId: named, acks: -1, topicData }),
      ({ responses }) => responses[0].partitionResponses[0].errorCode,
    )
    const { errorCode, baseOffset, logStartOffset } = answer.responses[0].partitionResponses[0]
    if (errorCode === 0 && sequence === next) producer.next[index] = next + values.length
    talk.tell(`send v${version} ${producer.id} as ${named} ${this.#show(identity)} to ${index}: ${values}`, [
      errorCode,
      baseOffset,
      logStartOffset,
    ])
  }

  async #addPartitions(producer: Producer, identity: Identity): Promise<void> {
    const partitions = this.#talk.oneOf([[0], [1], [0, 1], [7], [0, 7]])
    const asked = {
      v3AndBelowTransactionalId: producer.id ?? 'none',
      v3AndBelowProducerId: identity.producerId,
      v3AndBelowProducerEpoch: identity.producerEpoch,
      v3AndBelowTopics: [{ name: this.#topic, partitions }],
    }
    const answer = await this.#settled(
      () => this.#talk.ask('addPartitionsToTxn', 3, asked),
      ({ resultsByTopicV3AndBelow: [topic] }) => topic.resultsByPartition[0].partitionErrorCode,
    )
    const results = answer.resultsByTopicV3AndBelow[0].resultsByPartition
    this.#talk.tell(
      `add ${producer.id} ${this.#show(identity)} ${partitions}`,
      results.toSorted((a: any, b: any) => a.partitionIndex - b.partitionIndex),
    )
  }

  async #addOffsets(producer: Producer, identity: Identity): Promise<void> {
    const asked = { transactionalId: producer.id ?? 'none', groupId: this.#group, ...identity }
    const answer = await this.#settled(
      () => this.#talk.ask('addOffsetsToTxn', 3, asked),
      ({ errorCode }) => errorCode,
    )
    this.#talk.tell(`add offsets ${producer.id} ${this.#show(identity)}`, answer.errorCode)
  }

  async #commitInTransaction(producer: Producer, identity: Identity): Promise<void> {
    const version = this.#talk.oneOf(producer.current ? [5, 6] : [0, 2, 3, 4])
    const committedOffset = this.#talk.below(100)
    // Nobody is in the group. What a version has no field for is not asked.
    const [memberId, generationIdOrMemberEpoch] =
      version < 3
        ? noMember
        : this.#talk.oneOf([noMember, noMember, noMember, ['nobody', 1], ['', 1]] as const)
    const partitions = [{ partitionIndex: 0, committedOffset, committedMetadata: 'transaction' }]
    const asked = {
      transactionalId: producer.id ?? 'none',
      groupId: this.#group,
      ...identity,
      ...{ memberId, generationIdOrMemberEpoch },
      topics: [{ name: this.#topic, topicId: this.#topicId, partitions }],
    }
    const answer = await this.#settled(
      () => this.#talk.ask('txnOffsetCommit', version, asked),
      ({ topics }) => topics[0].partitions[0].errorCode,
    )
    const { errorCode } = answer.topics[0].partitions[0]
    this.#talk.tell(
      `commit offset ${committedOffset} v${version} ${producer.id} ${this.#show(identity)} as '${memberId}' ${generationIdOrMemberEpoch}`,
      noGroup.has(errorCode) ? unknownMember : errorCode,
    )
  }

  async #commit(): Promise<void> {
    const committedOffset = this.#talk.below(100)
    const partitions = [{ partitionIndex: 1, committedOffset, committedMetadata: 'own' }]
    const topics = [{ name: this.#topic, partitions }]
    const answer = await this.#talk.ask('offsetCommit', 8, { groupId: this.#group, memberId: '', topics })
    this.#talk.tell(`commit offset ${committedOffset}`, answer.topics[0].partitions[0].errorCode)
  }

  async #end(producer: Producer, identity: Identity): Promise<void> {
    const committed = this.#talk.chance(0.6)
    const version = producer.current ? 5 : this.#talk.oneOf([3, 4])
    const asked = { transactionalId: producer.id ?? 'none', committed, ...identity }
    const answer = await this.#settled(
      () => this.#talk.ask('endTxn', version, asked),
      ({ errorCode }) => errorCode,
    )
    this.#talk.tell(`${committed ? 'commit' : 'abort'} v${version} ${producer.id} ${this.#show(identity)}`, [
      answer.errorCode,
      this.#given(producer, answer),
    ])
    await this.#states()
  }

  async #describe(): Promise<void> {
    const states = (await this.#states()).map((each: any) => [
      each.errorCode,
      each.transactionState,
      each.transactionTimeoutMs,
      each.transactionStartTimeMs > 0,
      this.#show(each),
      // Ours has no topic of offsets.
      each.topics
        .filter(({ topic }: any) => topic === this.#topic)
        .map(({ partitions }: any) => partitions.toSorted()),
    ])
    this.#talk.tell('transactions', states)
    await this.#list()
    for (const [what, found] of await this.#resting(() => this.#written.look())) this.#talk.tell(what, found)
    for (const requireStable of [false, true]) {
      this.#talk.tell('offsets', await this.#resting(() => this.#offsets(requireStable)))
    }
  }

  /** The transactions, once no end of one is still to be written. */
  async #states(): Promise<any[]> {
    const { transactionStates } = await this.#talk.eventually(
      () => this.#talk.ask('describeTransactions', 0, { transactionalIds: this.#transactionalIds }),
      answer =>
        answer.transactionStates.some(
          ({ errorCode, transactionState }: any) =>
            transactionState.startsWith('Prepare') || passing.has(errorCode),
        ),
    )
    return transactionStates
  }

  async #list(): Promise<void> {
    const talk = this.#talk
    const { name } = talk
    const version = talk.below(3)
    const request = {
      stateFilters: talk.oneOf([
        [],
        [],
        ['Ongoing'],
        ['CompleteCommit', 'Empty'],
        ['ongoing'],
        ['Nope', 'Dead'],
      ]),
      producerIdFilters: talk.oneOf([[], [], [], this.#ids.slice(0, 1), [...this.#ids], [123_456_789]]),
      ...(version >= 1 && { durationFilter: talk.oneOf([-1, -1, 0, 1_000_000, -5]) }),
      ...(version >= 2 && {
        transactionalIdPattern: talk.oneOf([null, '', `${name}-a`, `${name}-.`, `${name}`, '(', '.*-[^a]']),
      }),
    }
    // What began within this very millisecond is not older than 0.
    await sleep(2)
    const { errorCode, unknownStateFilters, transactionStates } = await talk.ask(
      'listTransactions',
      version,
      request,
    )
    const own = transactionStates
      .filter(({ transactionalId }: any) => transactionalId.startsWith(`${name}-`))
      .map((each: any) => [each.transactionalId, this.#ids.indexOf(each.producerId), each.transactionState])
    const asked = { ...request, producerIdFilters: request.producerIdFilters.length }
    talk.tell(`list v${version} ${JSON.stringify(asked)}`, [errorCode, unknownStateFilters, own.sort()])
  }

  // Ends are written to one partition after the other.
  async #resting<T>(look: () => Promise<T>): Promise<T> {
    let seen = await look()
    for (;;) {
      const now = await look()
      if (JSON.stringify(now) === JSON.stringify(seen)) return now
      seen = now
      await sleep(10)
    }
  }

  async #offsets(requireStable: boolean): Promise<unknown> {
    const topics = [{ name: this.#topic, partitionIndexes: [0, 1] }]
    const { groups } = await this.#talk.ask('offsetFetch', 9, {
      groups: [{ groupId: this.#group, topics }],
      requireStable,
    })
    return [groups[0].errorCode, groups[0].topics[0].partitions]
  }

  #settled<T>(ask: () => Promise<T>, errorOf: (answer: T) => number): Promise<T> {
    return this.#talk.eventually(ask, answer => passing.has(errorOf(answer)))
  }

  // Ids differ, epochs do not.
  #show({ producerId, producerEpoch }: Identity): string {
    return producerId < 0 ? '-' : `${this.#ids.indexOf(producerId)}/${producerEpoch}`
  }
}
