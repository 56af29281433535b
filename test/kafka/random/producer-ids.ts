import type { Talk } from './talk.ts'

interface Identity {
  readonly producerId: number
  readonly producerEpoch: number
}

const nobody: Identity = { producerId: -1, producerEpoch: -1 }

// COORDINATOR_LOAD_IN_PROGRESS, COORDINATOR_NOT_AVAILABLE, NOT_COORDINATOR, CONCURRENT_TRANSACTIONS: Kafka is not ready
// yet.
const passing = new Set([14, 15, 16, 51])

/** Clients that ask for producer ids in every version, right and wrong, and administrators who look for producers. */
export class ProducerIds {
  readonly #talk: Talk
  readonly #ids: readonly string[]
  readonly #given = new Map<string | null, Identity[]>()
  // In the order in which they were given.
  readonly #numbers: number[] = []

  constructor(talk: Talk) {
    this.#talk = talk
    this.#ids = ['a', 'b'].map(each => `${talk.name}-${each}`)
  }

  async converse(steps: number): Promise<void> {
    const talk = this.#talk
    const topic = { name: talk.name, numPartitions: 2, replicationFactor: 1, assignments: [], configs: [] }
    await talk.ask('createTopics', 7, { topics: [topic] })
    await talk.settled()
    for (const id of this.#ids) {
      await this.#settled(
        () => talk.ask('findCoordinator', 4, { keyType: 1, coordinatorKeys: [id] }),
        ({ coordinators }) => coordinators[0].errorCode,
      )
    }
    for (let i = 0; i < steps; i++) {
      const dice = talk.below(100)
      if (dice < 40) await this.#init()
      else if (dice < 58) await this.#add()
      else if (dice < 66) await this.#addOffsets()
      else if (dice < 78) await this.#end()
      else if (dice < 90) await this.#describe()
      else await this.#describeProducers()
    }
    await this.#describe()
  }

  #id(): string | null {
    return this.#talk.oneOf([...this.#ids, ...this.#ids, ...this.#ids, null, ''])
  }

  #identity(id: string | null): Identity {
    const talk = this.#talk
    const given = this.#given.get(id) ?? []
    const last = given.at(-1) ?? nobody
    const any = talk.oneOf([...given, nobody])
    return talk.oneOf([
      last,
      last,
      last,
      last,
      any,
      { ...last, producerEpoch: last.producerEpoch + 1 },
      { ...last, producerEpoch: -1 },
      { ...last, producerEpoch: 32_767 },
      { producerId: -1, producerEpoch: Math.max(0, last.producerEpoch) },
      { producerId: 2 ** 40, producerEpoch: 0 },
    ])
  }

  async #init(): Promise<void> {
    const talk = this.#talk
    const version = talk.below(6)
    const id = this.#id()
    // What a version has no field for is not asked.
    const known = version < 3 ? nobody : talk.oneOf([nobody, nobody, this.#identity(id)])
    const transactionTimeoutMs = talk.oneOf([60_000, 60_000, 60_000, 900_000, 900_001, 0, -1, 2 ** 31 - 1])
    const asked = { transactionalId: id, transactionTimeoutMs, ...known }
    const answer = await this.#settled(
      () => talk.ask('initProducerId', version, asked),
      ({ errorCode }) => errorCode,
    )
    await this.#states(this.#ids)
    talk.tell(`init v${version} ${id} ${transactionTimeoutMs} ${this.#show(known)}`, [
      answer.errorCode,
      this.#take(id, answer),
    ])
  }

  #take(id: string | null, { producerId, producerEpoch }: Identity): string {
    const given = { producerId, producerEpoch }
    if (producerId >= 0) {
      if (!this.#numbers.includes(producerId)) this.#numbers.push(producerId)
      const all = this.#given.get(id) ?? []
      const last = all.at(-1)
      if (last?.producerId !== producerId || last.producerEpoch !== producerEpoch) all.push(given)
      this.#given.set(id, all)
    }
    return this.#show(given)
  }

  async #add(): Promise<void> {
    const talk = this.#talk
    const version = talk.below(4)
    const id = this.#id() ?? ''
    const { producerId, producerEpoch } = this.#identity(id)
    const topics = talk.some(() => ({
      name: talk.oneOf([talk.name, talk.name, talk.name, `${talk.name}-nowhere`]),
      partitions: talk.oneOf([[0], [1], [0, 1], [0, 0], [7], []]),
    }))
    const distinct = [...new Map(topics.map(each => [each.name, each])).values()]
    const asked = {
      v3AndBelowTransactionalId: id,
      v3AndBelowProducerId: producerId,
      v3AndBelowProducerEpoch: producerEpoch,
      v3AndBelowTopics: distinct,
    }
    const answer = await this.#settled(
      () => talk.ask('addPartitionsToTxn', version, asked),
      ({ resultsByTopicV3AndBelow: results }) =>
        results.flatMap((each: any) => each.resultsByPartition)[0]?.partitionErrorCode,
    )
    const what = `add v${version} ${id} ${this.#show({ producerId, producerEpoch })} ${JSON.stringify(distinct)}`
    talk.tell(what, talk.shown(answer))
  }

  async #addOffsets(): Promise<void> {
    const talk = this.#talk
    const version = talk.below(5)
    const id = this.#id() ?? ''
    const identity = this.#identity(id)
    const asked = { transactionalId: id, groupId: talk.oneOf([talk.name, talk.name, '']), ...identity }
    const answer = await this.#settled(
      () => talk.ask('addOffsetsToTxn', version, asked),
      ({ errorCode }) => errorCode,
    )
    talk.tell(`add offsets v${version} ${id} '${asked.groupId}' ${this.#show(identity)}`, answer.errorCode)
  }

  async #end(): Promise<void> {
    const talk = this.#talk
    const version = talk.below(6)
    const id = this.#id() ?? ''
    const identity = this.#identity(id)
    const committed = talk.chance(0.5)
    const answer = await this.#settled(
      () => talk.ask('endTxn', version, { transactionalId: id, committed, ...identity }),
      ({ errorCode }) => errorCode,
    )
    await this.#states(this.#ids)
    talk.tell(`${committed ? 'commit' : 'abort'} v${version} ${id} ${this.#show(identity)}`, [
      answer.errorCode,
      this.#take(id, answer),
    ])
  }

  async #describe(): Promise<void> {
    const talk = this.#talk
    const [a, b] = this.#ids as [string, string]
    const ids = talk.oneOf([[a], [a, b], [b, a], [a, a], [a, `${talk.name}-none`], [''], []])
    const states = (await this.#states(ids)).map((each: any) => [
      each.transactionalId,
      each.errorCode,
      each.transactionState,
      each.transactionTimeoutMs,
      this.#show(each),
      // Ours has no topic of offsets.
      each.topics
        .filter(({ topic }: any) => topic === talk.name)
        .map(({ partitions }: any) => partitions.toSorted()),
    ])
    talk.tell(`transactions of ${ids}`, states)
  }

  /** Transactions, once no end of one is still to be written. */
  async #states(transactionalIds: readonly string[]): Promise<any[]> {
    const { transactionStates } = await this.#talk.eventually(
      () => this.#talk.ask('describeTransactions', 0, { transactionalIds }),
      answer =>
        answer.transactionStates.some(
          ({ errorCode, transactionState }: any) =>
            transactionState.startsWith('Prepare') || passing.has(errorCode),
        ),
    )
    return transactionStates
  }

  async #describeProducers(): Promise<void> {
    const talk = this.#talk
    const topics = talk.some(() => ({
      name: talk.oneOf([talk.name, talk.name, `${talk.name}-nowhere`, '', 'a b']),
      partitionIndexes: talk.oneOf([[0], [0, 1], [0, 0], [7], [-1], []]),
    }))
    const answer = await talk.ask('describeProducers', 0, { topics })
    for (const partition of answer.topics.flatMap(({ partitions }: any) => partitions)) {
      partition.activeProducers = partition.activeProducers.map((each: any) => [
        this.#show(each),
        each.lastSequence,
        each.currentTxnStartOffset,
      ])
    }
    talk.tell(`producers ${JSON.stringify(topics)}`, talk.shown(answer))
  }

  #settled<T>(ask: () => Promise<T>, errorOf: (answer: T) => number): Promise<T> {
    return this.#talk.eventually(ask, answer => passing.has(errorOf(answer)))
  }

  // Ids differ, epochs do not.
  #show({ producerId, producerEpoch }: Identity): string {
    return `${producerId < 0 ? '-' : this.#numbers.indexOf(producerId)}/${producerEpoch}`
  }
}
