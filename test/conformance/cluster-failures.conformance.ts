import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { ConsumerRecord, OpenTopics, PubSub } from '../../src/index.ts'
import { type ConnectOptions, connect } from '../../src/kafka/index.ts'
import { isKafkaInstalled, type RealKafka } from '../kafka/real-kafka.ts'
import { type RealKafkaCluster, startRealKafkaCluster } from '../kafka/real-kafka-cluster.ts'
import { readAll, until } from './collect.ts'
import { unique } from './engine-under-test.ts'

const partitions = 6

const sockets = () => process.getActiveResourcesInfo().filter(each => each === 'TCPSocketWrap').length

/**
 * A program that writes numbers to a topic, reads them in a group of two, and copies them to another topic in
 * transactions, until it is told to end.
 */
class Traffic {
  readonly source: string = unique('source')
  readonly target: string = unique('target')
  readonly group: string = unique('readers')
  readonly transactionalId: string = unique('copier')
  readonly place: PubSub<OpenTopics>
  readonly #sending: Promise<void>
  readonly #seen = new Set<unknown>()
  #sent = 0
  #copied = 0
  #ending = false
  #lag = (): number => 0

  static async begin(cluster: RealKafkaCluster): Promise<Traffic> {
    const traffic = new Traffic(
      await connect({ bootstrapBrokers: cluster.addresses, autoCommitIntervalMs: 200 }),
    )
    await traffic.moved()
    return traffic
  }

  private constructor(place: PubSub<OpenTopics>) {
    this.place = place
    this.#sending = this.#run()
    // Whoever waits for the end hears of it.
    this.#sending.catch(() => {})
  }

  async #run(): Promise<void> {
    for (const topic of [this.source, this.target]) await this.place.admin.createTopic(topic, { partitions })
    for (let n = 0; n < 2; n++) await this.#read()
    await this.#copy()
    const producer = this.place.producer()
    while (!this.#ending) {
      const some = Array.from({ length: 20 }, () => this.#sent++)
      // So that little is left to copy at the end.
      await until(() => expect(this.#sent - this.#copied).toBeLessThan(2000))
      await producer.sendBatch(some.map(value => ({ topic: this.source, key: `k${value % 100}`, value })))
    }
  }

  async #read(): Promise<void> {
    const consumer = this.place.consumer({ groupId: this.group, topics: [this.source] })
    consumer.on('error', () => {})
    await consumer.run({ eachRecord: ({ value }) => this.#seen.add(value) })
  }

  async #copy(): Promise<void> {
    const producer = this.place.producer({ transactionalId: this.transactionalId })
    const groupId = unique('copiers')
    const consumer = this.place.consumer({ groupId, topics: [this.source], autoCommit: false })
    consumer.on('error', () => {}).on('restarting', () => {})
    this.#lag = () => consumer.lag()
    await consumer.run({
      batch: { maxRecords: 200 },
      eachBatch: async (batch, context) => {
        await producer.transaction(async tx => {
          await tx.sendBatch(
            batch.records.map(({ key, value }: ConsumerRecord) => ({ topic: this.target, key, value })),
          )
          await tx.sendOffsets(context)
        })
        this.#copied += batch.records.length
      },
    })
  }

  /** Resolves when records have been written, read and copied since. */
  async moved(): Promise<void> {
    const [sent, seen, copied] = [this.#sent, this.#seen.size, this.#copied]
    await until(() => {
      expect(this.#sent).toBeGreaterThan(sent + 200)
      expect(this.#seen.size).toBeGreaterThan(seen + 200)
      expect(this.#copied).toBeGreaterThan(copied + 200)
    })
  }

  /** Ends it, and looks whether everything is there as often as it should be, and in order. */
  async end(cluster: RealKafkaCluster): Promise<void> {
    this.#ending = true
    await this.#sending
    await until(() => expect(this.#seen.size).toBe(this.#sent))
    await until(() => expect(this.#copied).toBeGreaterThanOrEqual(this.#sent))
    await until(() => expect(this.#lag()).toBe(0))
    await this.place.close({ timeoutMs: 5000 })

    const after = await connect({ bootstrapBrokers: cluster.addresses })
    const written = await readAll(after, this.source)
    expect(written).toHaveLength(this.#sent)
    const last = new Map<number, number>()
    for (const { partition, value } of written) {
      expect(Number(value)).toBeGreaterThan(last.get(partition) ?? -1)
      last.set(partition, Number(value))
    }
    await until(async () => expect(await readAll(after, this.target)).toHaveLength(this.#sent))
    const copies = await readAll(after, this.target)
    expect(new Set(copies.map(({ value }) => value)).size).toBe(this.#sent)
    expect((await after.admin.describeGroup(this.group)).lag).toBe(0)
    await after.close()
  }
}

describe.skipIf(!isKafkaInstalled)('connect, to Apache Kafka', () => {
  describe('failures of a cluster', { timeout: 180_000 }, () => {
    let starting: Promise<RealKafkaCluster>
    let cluster: RealKafkaCluster
    let idleSockets: number
    beforeAll(async () => {
      // Members hear sooner of each other than by default.
      const [interval, least] = ['heartbeat.interval.ms', 'min.heartbeat.interval.ms']
      const properties = { [`group.consumer.${interval}`]: 500, [`group.consumer.${least}`]: 500 }
      starting = startRealKafkaCluster({ properties })
      cluster = await starting
      idleSockets = sockets()
    })
    // Also one that was there only after the time to start it.
    afterAll(async () => (await starting).close())

    const join = (options: Partial<ConnectOptions> = {}) =>
      connect({ bootstrapBrokers: cluster.addresses, ...options }) as Promise<PubSub<OpenTopics>>

    async function comeBack(node: RealKafka): Promise<void> {
      await node.start()
      await cluster.healed()
    }

    it('loses nothing and does nothing twice while each broker is restarted, killed or stands still', async () => {
      const traffic = await Traffic.begin(cluster)
      for (const node of cluster.nodes) {
        await node.stop()
        await comeBack(node)
        await traffic.moved()
      }
      const whoever = [
        () => cluster.leaderOf({ topic: traffic.source, partition: 0 }),
        () => cluster.coordinatorOf('group', traffic.group),
        () => cluster.coordinatorOf('transaction', traffic.transactionalId),
      ]
      for (const which of whoever) {
        const node = await which()
        await node.kill()
        await traffic.moved()
        await comeBack(node)
      }
      const still = await cluster.leaderOf({ topic: traffic.source, partition: 0 })
      still.suspend()
      // Until the others have taken over from it.
      await until(async () => {
        const leader = await cluster.leaderOf({ topic: traffic.source, partition: 0 })
        expect(leader).not.toBe(still)
      })
      still.resume()
      await traffic.moved()
      await traffic.end(cluster)
    })

    it('follows partitions that are moved to other brokers, elected anew, and added', async () => {
      const traffic = await Traffic.begin(cluster)
      await cluster.reassign([traffic.source, traffic.target], partition => [
        (partition % 3) + 1,
        ((partition + 1) % 3) + 1,
      ])
      await traffic.moved()
      for (const topic of [traffic.source, traffic.target])
        await traffic.place.admin.addPartitions(topic, partitions + 3)
      await traffic.moved()
      await traffic.end(cluster)
    })

    it('goes back to where a log ends that has lost its end with its leader, and skips nothing new there', async () => {
      const place = await join({ replicationFactor: 2 })
      const tp = { topic: unique('orders'), partition: 0 }
      const { topic } = tp
      await place.admin.createTopic(topic)
      await cluster.configure(topic, {
        'min.insync.replicas': '1',
        'unclean.leader.election.enable': 'true',
      })
      const producer = place.producer()
      const send = (values: readonly number[]) => producer.sendBatch(values.map(value => ({ topic, value })))
      await send([0, 1, 2, 3, 4])
      const leader = await cluster.leaderOf(tp)
      const follower = (await cluster.replicasOf(tp)).find(node => node !== leader)!
      await follower.stop()
      await cluster.inSync(topic, 1)
      await send([5, 6, 7, 8, 9])
      const consumer = place.consumer({ topics: [topic], from: 'beginning' })
      const seen: unknown[] = []
      const resets: unknown[] = []
      consumer.on('error', () => {})
      consumer.on('offsetReset', ({ from, to, reason }) => resets.push({ from, to, reason }))
      await consumer.run({ eachRecord: ({ value }) => seen.push(value) })
      await until(() => expect(seen).toHaveLength(10))
      const groupId = unique('group')
      const member = place.consumer({ groupId, topics: [topic], autoOffsetReset: 'earliest' })
      let polled = 0
      while (polled < 10) polled += (await member.poll({ timeoutMs: 5000 })).length
      await member.close()
      await leader.kill()
      await follower.start()
      await send([10, 11, 12, 13, 14, 15, 16])
      await until(() => expect(seen.slice(10)).toEqual([10, 11, 12, 13, 14, 15, 16]))
      const truncated = [{ from: 10, to: 5, reason: 'truncated' }]
      expect(resets).toEqual(truncated)
      // Another one of its group begins at what it has committed.
      const next = place.consumer({ groupId, topics: [topic] })
      const again: unknown[] = []
      const resetsAgain: unknown[] = []
      next.on('error', () => {})
      next.on('offsetReset', ({ from, to, reason }) => resetsAgain.push({ from, to, reason }))
      await next.run({ eachRecord: ({ value }) => again.push(value) })
      await until(() => expect(again).toEqual([10, 11, 12, 13, 14, 15, 16]))
      expect(resetsAgain).toEqual(truncated)
      await place.close()
      await comeBack(leader)
    })

    it('says what is missing where there are too few replicas, once the time to deliver is over', async () => {
      const place = await join({ deliveryTimeoutMs: 3000 })
      const topic = unique('orders')
      await place.admin.createTopic(topic)
      const producer = place.producer()
      await producer.send({ topic, value: 'before' })
      const leader = await cluster.leaderOf({ topic, partition: 0 })
      const follower = cluster.nodes.find(node => node !== leader)!
      await cluster.requireReplicas(topic, 3)
      // In order: the leader knows that it is no longer in sync before it has ended.
      await follower.stop()
      await cluster.inSync(topic, 2)
      await expect(producer.send({ topic, value: 'lost' })).rejects.toMatchObject({
        code: 'REQUEST_TIMED_OUT',
        message: expect.stringMatching(/gave up after 3000 ms: .*NOT_ENOUGH_REPLICAS/),
        cause: { code: 'NOT_ENOUGH_REPLICAS' },
      })
      await comeBack(follower)
      await producer.send({ topic, value: 'after' })
      expect((await readAll(place, topic)).map(({ value }) => value)).toEqual(['before', 'after'])
      await place.close()
    })

    it('is administered while a broker stands still, and closes in time', async () => {
      const place = await join({ requestTimeoutMs: 3000 })
      const [topic, groupId] = [unique('orders'), unique('group')]
      await place.admin.createTopic(topic, { partitions: 3 })
      const consumer = place.consumer({ groupId, topics: [topic] })
      consumer.on('error', () => {})
      await consumer.run({ eachRecord: () => {} })
      await place.producer().send({ topic, value: 'handled' })
      await consumer.caughtUp({ timeoutMs: 20_000 })
      const still = await cluster.controller()
      still.suspend()
      const { admin } = place
      const made = unique('made')
      // The first of two requests may have been heard after all.
      await admin.createTopic(made, { partitions: 2 })
      await until(async () => expect(await admin.listTopics()).toContain(made))
      // A coordinator that has just taken over may not show yet what it has read.
      await until(async () => expect(await admin.listGroups()).toContain(groupId))
      const group = { state: 'Stable', lag: 0 }
      await until(async () => expect(await admin.describeGroup(groupId)).toMatchObject(group))
      expect((await admin.describeTopic(topic)).partitions).toHaveLength(3)
      const healthy = cluster.addresses.filter(address => address !== still.address)
      const other = await join({
        bootstrapBrokers: ['127.0.0.1:1', still.address, ...healthy],
        requestTimeoutMs: 3000,
      })
      await other.close()
      const began = performance.now()
      await place.close({ timeoutMs: 1000 })
      expect(performance.now() - began).toBeLessThan(6000)
      still.resume()
      await cluster.healed()
    })

    it('leaves no connection behind', async () => {
      await until(() => expect(sockets()).toBeLessThanOrEqual(idleSockets))
    })
  })
})
