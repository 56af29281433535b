import { topic } from '../../../src/index.ts'
import { TestBroker } from '../../../src/testing/index.ts'
import { seededRandom } from '../../../src/testing/seeded-random.ts'
import type { Scene } from '../scene.ts'

interface Written {
  readonly transaction: string
  /** Its number within the transaction, and how many there are. */
  readonly part: number
  readonly of: number
}

type Fate = 'running' | 'returned' | 'committed' | 'aborted'

const topics = {
  in: topic<number>({ partitions: 3 }),
  out: topic<Written>({ partitions: 2, segmentRecords: 5 }),
}

/** Readers, writers and transformers that fail, stall and replace each other, as a seed decides. */
export class Transactions implements Scene {
  readonly problems: string[] = []
  readonly #seed: number
  readonly #broker: TestBroker<typeof topics>

  constructor(seed: number) {
    this.#seed = seed
    this.#broker = new TestBroker({ seed, topics })
  }

  get transcript(): string {
    return String(this.#broker.timeline)
  }

  async run(): Promise<void> {
    this.problems.push(...(await simulate(this.#broker, seededRandom(this.#seed))))
  }
}

async function simulate(broker: TestBroker<typeof topics>, random: () => number): Promise<string[]> {
  const chance = (share: number) => random() < share
  const anomalies: string[] = []
  const fates = new Map<string, Fate>()
  const read: Written[] = []

  const observe = (record: { readonly value: unknown }) => {
    const written = record.value as Written
    const fate = fates.get(written.transaction)
    // G1a: an aborted record was read. Precommitted read: a record was read before its commit.
    if (fate === 'aborted') anomalies.push(`G1a: ${written.transaction} was aborted, and read`)
    if (fate === 'running') anomalies.push(`precommitted-read: ${written.transaction} was still running`)
    read.push(written)
  }
  await broker.consumer({ topics: ['out'] }).run({ eachRecord: observe })

  let number = 0
  const write = async (
    producer: ReturnType<typeof broker.producer>,
    name: string,
    finish?: (tx: Parameters<Parameters<typeof producer.transaction>[0]>[0]) => Promise<void>,
  ) => {
    const transaction = `${name}.${number++}`
    const of = 1 + Math.floor(random() * 4)
    fates.set(transaction, 'running')
    try {
      await producer.transaction(async tx => {
        for (let part = 0; part < of; part++) {
          await tx.send({ topic: 'out', partition: part % 2, value: { transaction, part, of } })
          if (chance(0.3)) await broker.clock.sleep(Math.floor(random() * 60))
        }
        await finish?.(tx)
        if (chance(0.2)) await broker.clock.sleep(Math.floor(random() * 150))
        if (chance(0.2)) throw new Error('changed its mind')
        fates.set(transaction, 'returned')
      })
      fates.set(transaction, 'committed')
    } catch (error) {
      fates.set(transaction, 'aborted')
      throw error
    }
    return transaction
  }

  // Writers: two of each id, so that each fences the other now and then.
  const writers = Array.from({ length: 4 }, async (_, i) => {
    let producer = broker.producer({ transactionalId: `writer-${i % 2}`, transactionTimeoutMs: 50 })
    for (let n = 0; n < 12; n++) {
      await broker.clock.sleep(Math.floor(random() * 40))
      if (chance(0.2))
        producer = broker.producer({ transactionalId: `writer-${i % 2}`, transactionTimeoutMs: 50 })
      await write(producer, `writer-${i}`).catch(() => {})
    }
  })

  // Transformers: each input must come out in exactly one committed transaction.
  const done = new Map<number, string[]>()
  const startTransformer = async (i: number) => {
    const producer = broker.producer({ transactionalId: `worker-${i}`, transactionTimeoutMs: 100 })
    const consumer = broker.consumer({
      groupId: 'workers',
      topics: ['in'],
      autoCommit: false,
      maxPollIntervalMs: 80,
    })
    for (const event of ['error', 'restarting', 'lost'] as const) consumer.on(event, () => {})
    await consumer.run({
      retry: { attempts: 2, delayMs: 5 },
      eachRecord: async ({ value }, context) => {
        const transaction = await write(producer, `worker-${i}`, tx => tx.sendOffsets(context))
        done.set(value as number, [...(done.get(value as number) ?? []), transaction])
      },
    })
    return consumer
  }
  const inputs = Array.from({ length: 25 }, (_, value) => value)
  const feed = async () => {
    for (const value of inputs) {
      broker.topic('in').append({ value, partition: value % 3 })
      await broker.clock.sleep(Math.floor(random() * 20))
    }
  }
  const members = async () => {
    const consumers = await Promise.all([0, 1].map(startTransformer))
    for (let i = 2; i < 5; i++) {
      await broker.clock.sleep(Math.floor(random() * 200))
      if (chance(0.7)) void consumers.shift()?.close({ timeoutMs: 20 })
      consumers.push(await startTransformer(i))
    }
  }
  const all = Promise.all([feed(), members(), ...writers])
  for (let i = 0; i < 400 && broker.describe().topics.length > 0; i++) await broker.advance(25)
  await all
  for (let i = 0; i < 4000 && broker.group('workers').lag() > 0; i++) await broker.advance(100)
  await broker.advance(60_000)

  // Torn transaction and lost write: a committed transaction is read as a whole, and once.
  const counts = new Map<string, number[]>()
  for (const { transaction, part } of read)
    counts.set(transaction, [...(counts.get(transaction) ?? []), part])
  for (const [transaction, fate] of fates) {
    const parts = (counts.get(transaction) ?? []).sort((a, b) => a - b)
    const of = read.find(each => each.transaction === transaction)?.of ?? -1
    if (fate === 'committed' && parts.length === 0) anomalies.push(`lost-write: ${transaction}`)
    if (parts.length > 0 && parts.join() !== Array.from({ length: of }, (_, i) => i).join())
      anomalies.push(`torn: ${transaction} was read as ${parts} of ${of}`)
    if (fate !== 'committed' && parts.length > 0) anomalies.push(`G1a: ${transaction} was ${fate}, and read`)
  }
  for (const value of inputs) {
    const transactions = done.get(value) ?? []
    if (transactions.length !== 1) anomalies.push(`input ${value} came out ${transactions.length} times`)
  }
  await broker.close({ timeoutMs: 0 })
  return anomalies
}
