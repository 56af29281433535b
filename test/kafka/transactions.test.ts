import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { sequencedBatch } from '../helpers/wire-client.ts'
import { type Ask, KafkaAndServed } from './kafka-and-served.ts'
import { isKafkaInstalled } from './real-kafka.ts'

interface Identity {
  readonly producerId: number
  readonly producerEpoch: number
}

const [notCoordinator, coordinatorNotAvailable, loading, concurrentTransactions] = [16, 15, 14, 51]
const passing = new Set([notCoordinator, coordinatorNotAvailable, loading, concurrentTransactions])

/** One producer's requests, and what was told of each. Kafka is not yet done with some transaction now and then. */
class Conversation {
  readonly told: string[] = []
  readonly #ask: Ask
  readonly #transactionalId: string
  #producerId: number | undefined

  constructor(ask: Ask, transactionalId: string) {
    this.#ask = ask
    this.#transactionalId = transactionalId
  }

  async init(known: Identity = { producerId: -1, producerEpoch: -1 }): Promise<Identity> {
    const transactionalId = this.#transactionalId
    const asked = { transactionalId, transactionTimeoutMs: 60_000, ...known }
    const answer = await this.#finally(
      () => this.#ask('initProducerId', 5, asked),
      ({ errorCode }) => errorCode,
    )
    if (this.#producerId === undefined) this.#producerId = answer.producerId
    return this.#tell(`init ${this.#show(known)}`, answer)
  }

  async send(identity: Identity, sequence: number): Promise<void> {
    const records = [sequencedBatch(identity.producerId, identity.producerEpoch, sequence, [1], 16)]
    const topicData = [{ name: 'orders', partitionData: [{ index: 0, records }] }]
    const transactionalId = this.#transactionalId
    const errorOf = (answer: any) => answer.responses[0].partitionResponses[0].errorCode
    const answer = await this.#finally(
      () => this.#ask('produce', 12, { transactionalId, acks: -1, topicData }),
      errorOf,
    )
    this.told.push(`send ${this.#show(identity)}: ${errorOf(answer)}`)
  }

  async end(identity: Identity, committed: boolean): Promise<Identity> {
    const asked = { transactionalId: this.#transactionalId, committed, ...identity }
    const answer = await this.#finally(
      () => this.#ask('endTxn', 5, asked),
      ({ errorCode }) => errorCode,
    )
    return this.#tell(`${committed ? 'commit' : 'abort'} ${this.#show(identity)}`, answer)
  }

  async #finally<T>(ask: () => Promise<T>, errorOf: (answer: T) => number): Promise<T> {
    for (;;) {
      const answer = await ask()
      if (!passing.has(errorOf(answer))) return answer
      await sleep(20)
    }
  }

  #tell(what: string, { errorCode, producerId, producerEpoch }: any): Identity {
    this.told.push(`${what}: ${errorCode} ${this.#show({ producerId, producerEpoch })}`)
    return { producerId, producerEpoch }
  }

  // Ids differ, epochs do not.
  #show({ producerId, producerEpoch }: Identity): string {
    if (producerId < 0) return '-'
    return `${producerId === this.#producerId ? 'its' : 'another'} ${producerEpoch}`
  }
}

const conversations: Readonly<Record<string, (with_: Conversation) => Promise<unknown>>> = {
  'asks again with the identity of an ended transaction': async t => {
    const first = await t.init()
    await t.send(first, 0)
    const second = await t.end(first, true)
    await t.init(first)
    await t.init(first)
    await t.end(first, true)
    const third = await t.init(second)
    await t.init(first)
    await t.send(third, 0)
    await t.end(third, true)
  },
  'asks again while its transaction is open': async t => {
    const first = await t.init()
    await t.send(first, 0)
    const second = await t.init(first)
    await t.init(first)
    await t.end(first, false)
    await t.send(second, 0)
    await t.end(second, true)
    await t.end(first, true)
  },
  'comes anew while a transaction is open': async t => {
    const first = await t.init()
    await t.send(first, 0)
    const second = await t.end(first, true)
    await t.send(second, 0)
    const third = await t.init()
    for (const old of [first, second]) for (const commits of [true, false]) await t.end(old, commits)
    await t.end(third, true)
    await t.end(third, false)
    await t.end(third, false)
  },
  'asks with the identity before, beside an open transaction': async t => {
    const first = await t.init()
    const second = await t.init(first)
    await t.send(second, 0)
    await t.init(first)
    await t.end(second, true)
    await t.end(second, false)
    const third = await t.init(second)
    await t.send(third, 0)
    await t.end(second, true)
    await t.end(third, true)
  },
  'ends what was ended before': async t => {
    const first = await t.init()
    await t.send(first, 0)
    const second = await t.end(first, true)
    await t.send(second, 0)
    await t.end(second, true)
    for (const old of [first, second]) for (const commits of [true, false]) await t.end(old, commits)
    await t.init(first)
    await t.init(second)
  },
  'is another than it says': async t => {
    const { producerId, producerEpoch } = await t.init()
    for (const wrong of [
      { producerId, producerEpoch: producerEpoch + 7 },
      { producerId: producerId + 999, producerEpoch },
    ]) {
      await t.init(wrong)
      await t.end(wrong, true)
      await t.end(wrong, false)
    }
  },
}

describe.skipIf(!isKafkaInstalled)('a real Kafka and a served broker tell the same to a producer', () => {
  const kafkaAndServed = new KafkaAndServed()

  beforeAll(async () => {
    await kafkaAndServed.start({
      properties: { 'transaction.abort.timed.out.transaction.cleanup.interval.ms': 100 },
    })
    const orders = { name: 'orders', numPartitions: 1, replicationFactor: 1, assignments: [], configs: [] }
    await kafkaAndServed.ask('createTopics', 7, { topics: [orders] })
    await vi.waitFor(async () => {
      for (const { topics } of await kafkaAndServed.ask('metadata', 12, { topics: null }))
        expect(topics).toHaveLength(1)
    })
    // The first to ask makes Kafka create its topic of transactions.
    await kafkaAndServed.ask('findCoordinator', 4, { keyType: 1, coordinatorKeys: ['first'] })
  })
  afterAll(() => kafkaAndServed.close())

  it.each(Object.keys(conversations))('that %s', async what => {
    const [real, served] = await kafkaAndServed.each(async ask => {
      const conversation = new Conversation(ask, what)
      await conversations[what]!(conversation)
      return conversation.told
    })
    expect(served).toEqual(real)
  })

  // A newer one aborts, and goes on, which it may not at Kafka.
  it.each([1, 3])('of version %i whose transaction took too long', async version => {
    const transactionalId = `slow ${version}`
    const [real, served] = await kafkaAndServed.each(async ask => {
      const { init, produce, end, aborted } = olderProducer(ask, transactionalId, version)
      const first = await init()
      await produce(first)
      await aborted()
      const told = [await end(first, false), await end(first, true), await end(first, false)]
      const next = await init()
      return [...told, await produce(next), await end(next, true)]
    })
    expect(served).toEqual(real)
  })
})

/** A producer that does not know TRANSACTION_ABORTABLE. Kafka is not yet done with some transaction now and then. */
function olderProducer(ask: Ask, transactionalId: string, version: number) {
  const done = <T>(step: () => Promise<T>, errorOf: (answer: T) => number) =>
    vi.waitFor(
      async () => {
        const answer = await step()
        if (passing.has(errorOf(answer))) throw new Error(`error ${errorOf(answer)}`)
        return answer
      },
      { timeout: 60_000 },
    )
  const init = (): Promise<Identity> =>
    done(
      () => ask('initProducerId', 1, { transactionalId, transactionTimeoutMs: 1000 }),
      ({ errorCode }) => errorCode,
    )
  const produce = async ({ producerId, producerEpoch }: Identity) => {
    const added = {
      v3AndBelowTransactionalId: transactionalId,
      v3AndBelowProducerId: producerId,
      v3AndBelowProducerEpoch: producerEpoch,
      v3AndBelowTopics: [{ name: 'orders', partitions: [0] }],
    }
    const addErrorOf = (answer: any) =>
      answer.resultsByTopicV3AndBelow[0].resultsByPartition[0].partitionErrorCode
    const errorCode = addErrorOf(await done(() => ask('addPartitionsToTxn', version, added), addErrorOf))
    if (errorCode !== 0) return errorCode
    const records = [sequencedBatch(producerId, producerEpoch, 0, [1], 16)]
    const topicData = [{ name: 'orders', partitionData: [{ index: 0, records }] }]
    const errorOf = (answer: any) => answer.responses[0].partitionResponses[0].errorCode
    return errorOf(await done(() => ask('produce', 7, { transactionalId, acks: -1, topicData }), errorOf))
  }
  const end = async ({ producerId, producerEpoch }: Identity, committed: boolean) => {
    const asked = { transactionalId, producerId, producerEpoch, committed }
    return (
      await done(
        () => ask('endTxn', version, asked),
        ({ errorCode }) => errorCode,
      )
    ).errorCode
  }
  const aborted = () =>
    vi.waitFor(
      async () => {
        const { transactionStates } = await ask('describeTransactions', 0, {
          transactionalIds: [transactionalId],
        })
        expect(transactionStates[0].transactionState).toBe('CompleteAbort')
      },
      { timeout: 60_000 },
    )
  return { init, produce, end, aborted }
}
