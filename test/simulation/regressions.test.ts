import { expect, it } from 'vitest'
import { Broker } from '../../src/index.ts'
import { VirtualClock } from '../../src/testing/virtual-clock.ts'

// Bugs that the simulation has found, each as a minimal test.

function start(): { broker: Broker; clock: VirtualClock } {
  const clock = new VirtualClock(1000)
  const broker = new Broker({ clock, random: () => 0.5 })
  broker.on('error', () => {})
  return { broker, clock }
}

function pollTimers(clock: VirtualClock): string[] {
  return clock.waiting.filter(name => name.startsWith('maxPollIntervalMs'))
}

it('brings a for await back whose consumer was removed while the loop held a record', async () => {
  const { broker, clock } = start()
  const topic = broker.createTopic('t', {})
  topic.append({ value: 0 })
  const consumer = broker.consumer({ groupId: 'g', topics: ['t'], maxPollIntervalMs: 100 })
  const seen: number[] = []
  const loop = (async () => {
    for await (const { offset } of consumer) {
      seen.push(offset)
      if (seen.length === 1) await broker.clock.sleep(500)
    }
  })()
  await clock.advance(200)
  expect(broker.group('g').members).toEqual([])
  await clock.advance(1000)
  expect(broker.group('g').members).toHaveLength(1)
  // The record in hand was not committed when the member was removed, so it comes again.
  expect(seen).toEqual([0, 0])
  await broker.close()
  await loop
})

it('does not bring a consumer back that was removed while it drained, once its handler ends', async () => {
  const { broker, clock } = start()
  const topic = broker.createTopic('t', {})
  for (const value of [0, 1]) topic.append({ value })
  const consumer = broker.consumer({ groupId: 'g', topics: ['t'], maxPollIntervalMs: 100 })
  await consumer.run({ eachRecord: () => broker.clock.sleep(500) })
  await clock.advance(50)
  void consumer.close({ drain: true })
  await clock.advance(5000)
  expect(broker.group('g').members).toEqual([])
  await consumer.done
})

it('hands out nothing of a partition that has to be given up before its assignment was followed', async () => {
  const { broker, clock } = start()
  const topic = broker.createTopic('t', { partitions: 2 })
  const group = () => broker.group('g')
  const unfetchable: number[] = []
  const first = broker.consumer({ groupId: 'g', topics: ['t'], onAssigned: () => broker.clock.sleep(100) })
  void first.run({
    eachRecord: ({ partition }) => {
      const member = group().members.find(({ memberId }) => memberId === first.memberId)
      if (member?.revoking.some(tp => tp.partition === partition)) unfetchable.push(partition)
    },
  })
  await clock.advance(200)
  topic.addPartitions(4)
  await clock.advance(50)
  // The hook for the first two partitions is running while the member gets four more, and has to give some of these up
  // again.
  topic.addPartitions(8)
  for (const { index } of topic.partitions) topic.append({ value: 0, partition: index })
  const second = broker.consumer({ groupId: 'g', topics: ['t'] })
  void second.run({ eachRecord: () => {} })
  expect(group().members[0]!.revoking.some(({ partition }) => partition >= 4)).toBe(true)
  await clock.advance(1000)
  expect(unfetchable).toEqual([])
  expect(group().lag()).toBe(0)
  await broker.close()
})

it('stays subscribed to a topic that was deleted while it restarted', async () => {
  const { broker, clock } = start()
  broker.createTopic('t', {}).append({ value: 0 })
  const seen: unknown[] = []
  const consumer = broker.consumer({ groupId: 'g', topics: ['t'] })
  consumer.on('restarting', () => {})
  let fails = true
  await consumer.run({
    retry: { attempts: 1 },
    eachRecord: ({ value }) => {
      if (fails) throw new Error('not now')
      seen.push(value)
    },
  })
  await clock.advance(500)
  broker.deleteTopic('t')
  fails = false
  await clock.advance(2000)
  broker.createTopic('t', {}).append({ value: 'again' })
  await clock.advance(1000)
  expect(seen).toEqual(['again'])
  await broker.close()
})

it('leaves no timer behind when a consumer closes at any moment of its poll', async () => {
  for (let ticks = 0; ticks < 30; ticks++) {
    const { broker, clock } = start()
    broker.createTopic('t', {}).append({ value: 0 })
    const consumer = broker.consumer({ groupId: 'g', topics: ['t'] })
    const polled = consumer.poll()
    for (let i = 0; i < ticks; i++) await undefined
    void consumer.close()
    await clock.settle()
    await polled
    expect(pollTimers(clock)).toEqual([])
    await broker.close()
  }
})

it('takes no sign of life from a handler that outlived its consumer', async () => {
  const { broker, clock } = start()
  broker.createTopic('t', {}).append({ value: 0 })
  const consumer = broker.consumer({ groupId: 'g', topics: ['t'] })
  await consumer.run({
    eachRecord: async (_record, { heartbeat }) => {
      await broker.clock.sleep(500)
      heartbeat()
    },
  })
  await clock.settle()
  void consumer.close({ timeoutMs: 0 })
  await clock.advance(1000)
  expect(pollTimers(clock)).toEqual([])
})

it('takes on nothing of a topic that was deleted while the member gave others up', async () => {
  const { broker, clock } = start()
  broker.createTopic('a', { partitions: 2 })
  const topics: string[] = ['a']
  const first = broker.consumer({ groupId: 'g', topics, onRevoked: () => broker.clock.sleep(100) })
  await first.ready()
  broker.createTopic('b', { partitions: 2 })
  // A single change: the member gives up a and gets b.
  void first.subscribe(['b'])
  await clock.settle()
  broker.deleteTopic('b')
  await clock.advance(1000)
  expect(broker.group('g').members).toHaveLength(1)
  broker.createTopic('b', { partitions: 3 })
  await clock.advance(1000)
  expect(first.assignment).toHaveLength(3)
  await Promise.all([broker.close(), clock.advance(1000)])
  await first.done
})

it('refuses the commit of a handler that outlived its topic, though there is a new one of that name', async () => {
  const { broker, clock } = start()
  broker.createTopic('t', {}).append({ value: 'old' })
  const consumer = broker.consumer({ groupId: 'g', topics: ['t'], autoCommit: false })
  const refused: unknown[] = []
  const seen: unknown[] = []
  await consumer.run({
    eachRecord: async ({ topic, partition, offset, value }) => {
      seen.push(value)
      if (value !== 'old') return
      await broker.clock.sleep(500)
      await consumer.commit([{ topic, partition, offset: offset + 1 }]).catch(error => refused.push(error))
    },
  })
  await clock.advance(100)
  broker.deleteTopic('t')
  const again = broker.createTopic('t', {})
  for (const value of ['new', 'newer']) again.append({ value })
  await clock.advance(1000)
  expect(refused).toHaveLength(1)
  expect(broker.group('g').offsets).toEqual([])
  expect(seen).toEqual(['old', 'new', 'newer'])
  await broker.close()
})

it('hands nothing back in order that it had to let go of, though the group asks for it meanwhile', async () => {
  for (let ticks = 0; ticks < 20; ticks++) {
    const { broker, clock } = start()
    broker.createTopic('t', {}).append({ value: 0 })
    const options = { groupId: 'g', topics: ['t'], assignor: 'range' as const }
    let handedBack = 0
    const stuck = broker.consumer({ ...options, onRevoked: () => void handedBack++ })
    await stuck.run({ eachRecord: () => broker.clock.sleep(1000) })
    await clock.settle()
    void stuck.close({ timeoutMs: 0 })
    // By `range` the partition belongs to a static member, which joins while the other one is about to leave.
    const join = async () => {
      await clock.turn()
      for (let i = 0; i < ticks; i++) await undefined
      await broker.consumer({ ...options, groupInstanceId: 'a' }).ready()
    }
    await Promise.all([join(), clock.settle()])
    expect(handedBack).toBe(0)
    await Promise.all([broker.close(), clock.advance(2000)])
  }
})

it('hands out nothing of a partition that was given up on the way to whoever polls', async () => {
  for (const batches of [false, true]) {
    for (let ticks = 0; ticks < 30; ticks++) {
      const { broker, clock } = start()
      const topic = broker.createTopic('t', { partitions: 2 })
      for (const partition of [0, 1]) topic.append({ value: 0, partition })
      const log: string[] = []
      const first = broker.consumer({
        groupId: 'g',
        topics: ['t'],
        onRevoked: partitions => void log.push(...partitions.map(({ partition }) => `gives up ${partition}`)),
      })
      await first.ready()
      const polled = batches
        ? first.batches().next()
        : first
            .poll({ timeoutMs: 0 })
            .then(records => log.push(...records.map(each => `gets ${each.partition}`)))
      if (batches) void polled.then(({ value }: any) => log.push(`gets ${value.partition}`))
      for (let i = 0; i < ticks; i++) await undefined
      broker
        .consumer({ groupId: 'g', topics: ['t'] })
        .ready()
        .catch(() => {})
      await clock.settle()
      const gaveUp = log.findIndex(line => line.startsWith('gives up'))
      const after = gaveUp < 0 ? [] : log.slice(gaveUp)
      expect(
        after.filter(line => after.includes(line.replace('gets', 'gives up')) && line.startsWith('gets')),
      ).toEqual([])
      await Promise.all([polled, broker.close({ timeoutMs: 0 }), clock.settle()])
    }
  }
})
