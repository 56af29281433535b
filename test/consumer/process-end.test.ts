import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { build } from 'esbuild'
import { afterAll, beforeAll, expect, it } from 'vitest'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'brokerlet-'))
  const outfile = path.join(folder, 'index.mjs')
  await build({ entryPoints: ['src/index.ts'], outfile, bundle: true, platform: 'node', format: 'esm' })
})
afterAll(() => rm(folder, { recursive: true }))

interface Ended {
  readonly code: number
  readonly lines: string[]
  readonly stderr: string
}

/** Runs a script in a process of its own, until that ends by itself. */
function run(script: string): Promise<Ended> {
  const source = `import { Broker } from '${folder}/index.mjs'\nconst broker = new Broker({ topics: { orders: { options: {} } } })\n${script}`
  const args = ['--input-type=module', '--eval', source]
  return new Promise(resolve => {
    execFile(process.execPath, args, { timeout: 20_000 }, (error, stdout, stderr) => {
      const code = error ? (typeof error.code === 'number' ? error.code : -1) : 0
      resolve({ code, lines: stdout.split('\n').filter(Boolean), stderr })
    })
  })
}

it('ends by itself when waiting consumers are all that is left: closed, and done resolved', async () => {
  const { code, lines, stderr } = await run(`
    const left = []
    const running = broker.consumer({ groupId: 'run', topics: ['orders'], onRevoked: () => console.log('revoked') })
    running.on('closed', ({ reason }) => console.log('run', reason))
    running.done.then(() => console.log('run done'))
    await running.run({ eachRecord: ({ offset }) => console.log('handled', offset) })
    const reading = broker.consumer({ groupId: 'poll', topics: ['orders'] })
    reading.poll().then(records => reading.poll().then(more => console.log('polled', records.length, more.length)))
    const looping = broker.consumer({ groupId: 'loop', topics: ['orders'] })
    ;(async () => {
      for await (const { offset } of looping) console.log('looped', offset)
      console.log('loop ended', broker.group('loop').committed({ topic: 'orders', partition: 0 }).offset)
    })()
    broker.topic('orders').append({ value: 1 })
  `)
  expect(stderr).toBe('')
  expect(code).toBe(0)
  expect([...lines].sort()).toEqual([
    'handled 0',
    'loop ended 1',
    'looped 0',
    'polled 1 0',
    'revoked',
    'run closed',
    'run done',
  ])
})

it('stays for a retry that is due, and for a restart', async () => {
  const { code, lines } = await run(`
    const consumer = broker.consumer({ groupId: 'g', topics: ['orders'] })
    consumer.on('restarting', () => console.log('restarting'))
    let failures = 2
    await consumer.run({
      retry: { attempts: 2, delayMs: 50 },
      eachRecord: ({ offset }, { attempt }) => {
        console.log('attempt', attempt)
        if (failures-- > 0) throw new Error('boom')
        console.log('handled', offset)
      },
    })
    consumer.done.then(() => console.log('done', broker.group('g').lag()))
    broker.topic('orders').append({ value: 1 })
  `)
  expect(code).toBe(0)
  expect(lines).toEqual(['attempt 1', 'attempt 2', 'restarting', 'attempt 1', 'handled 0', 'done 0'])
})

it('stays for a batch that fills and for a handler that sleeps', async () => {
  const { code, lines } = await run(`
    const consumer = broker.consumer({ groupId: 'g', topics: ['orders'] })
    await consumer.run({
      batch: { lingerMs: 50 },
      eachBatch: async ({ records }) => {
        await broker.clock.sleep(50)
        console.log('handled', records.length)
      },
    })
    broker.topic('orders').append({ value: 1 })
  `)
  expect(code).toBe(0)
  expect(lines).toEqual(['handled 1'])
})

it('stays for a poll whose time ends: its caller goes on then, and may send and poll again', async () => {
  const { code, lines, stderr } = await run(`
    const consumer = broker.consumer({ groupId: 'g', topics: ['orders'] })
    console.log('polled', (await consumer.poll({ timeoutMs: 20 })).length)
    await broker.producer().send({ topic: 'orders', value: 1 })
    console.log('polled', (await consumer.poll({ timeoutMs: 20 })).length)
  `)
  expect(stderr).toBe('')
  expect(code).toBe(0)
  expect(lines).toEqual(['polled 0', 'polled 1'])
})

it.each(['broker.idle', "broker.group('g').caughtUp", 'consumer.caughtUp'])(
  'stays for %s until its time is over: its caller hears what hangs, though nothing else is alive',
  async waits => {
    const { code, lines, stderr } = await run(`
    const consumer = broker.consumer({ groupId: 'g', topics: ['orders'] })
    await consumer.run({ eachRecord: () => new Promise(() => {}) })
    for (const value of [1, 2]) broker.topic('orders').append({ value })
    await ${waits}({ timeoutMs: 20 }).catch(error => console.log(error.name))
  `)
    expect(stderr).toBe('')
    expect(code).toBe(0)
    expect(lines).toEqual(['TimeoutError'])
  },
)

it('stays for group.stable() until its time is over', async () => {
  const { code, lines } = await run(`
    const onRevoked = () => new Promise(() => {})
    await broker.consumer({ groupId: 'g', topics: ['orders'], onRevoked }).ready()
    broker.topic('orders').addPartitions(2)
    broker.consumer({ groupId: 'g', topics: ['orders'] }).ready().catch(() => {})
    await new Promise(setImmediate)
    const refused = broker.group('g').stable({ timeoutMs: 20 }).catch(error => error.name)
    console.log(broker.group('g').state, await refused)
  `)
  expect(code).toBe(0)
  expect(lines).toEqual(['Reconciling TimeoutError'])
})

it('warns of a crash that nobody listens to, and does not kill the process', async () => {
  const { code, lines, stderr } = await run(`
    const consumer = broker.consumer({ groupId: 'g', topics: ['orders'] })
    await consumer.run({ retry: { attempts: 1 }, onFailure: 'stop', eachRecord: () => { throw new Error('boom') } })
    broker.topic('orders').append({ value: 1 })
    setTimeout(() => console.log('alive'), 50)
  `)
  expect(code).toBe(0)
  expect(lines).toEqual(['alive'])
  expect(stderr).toContain("BrokerletWarning: Consumer 'consumer' of group 'g' crashed")
  expect(stderr).toContain('its handler failed at offset 0 of orders-0: boom')
})

it('ends although a handler never does', async () => {
  const { code, lines } = await run(`
    const consumer = broker.consumer({ groupId: 'g', topics: ['orders'] })
    await consumer.run({ eachRecord: () => { console.log('stuck'); return new Promise(() => {}) } })
    broker.topic('orders').append({ value: 1 })
  `)
  expect(code).toBe(0)
  expect(lines).toEqual(['stuck'])
})

it('ends a script that awaits done at its top level', async () => {
  const { code, lines, stderr } = await run(`
    broker.topic('orders').append({ value: 1 })
    const consumer = broker.consumer({ groupId: 'g', topics: ['orders'] })
    await consumer.run({ eachRecord: async ({ offset }) => console.log('handled', offset) })
    await consumer.done
    console.log('end')
    await broker.close()
    console.log('closed')
  `)
  expect(stderr).toBe('')
  expect(code).toBe(0)
  expect(lines).toEqual(['handled 0', 'end', 'closed'])
})

it.each(['consumer', 'broker'])(
  'stays until close of a %s has ended, and says what was left, though a handler never ends',
  async closes => {
    const { code, lines, stderr } = await run(`
    const consumer = broker.consumer({ groupId: 'g', topics: ['orders'] })
    await consumer.run({ eachRecord: () => new Promise(() => {}) })
    broker.topic('orders').append({ value: 1 })
    const left = []
    for (const each of [{ drain: true, timeoutMs: 60 }, { timeoutMs: 20 }]) left.push(await ${closes}.close(each))
    console.log(left.map(unread => unread.map(({ count }) => count)).join(' '))
  `)
    expect(stderr).toBe('')
    expect(code).toBe(0)
    expect(lines).toEqual(['1 1'])
  },
)

it('stays until a producer is closed, whose schema never answers', async () => {
  const { code, lines } = await run(`
    const schema = { '~standard': { version: 1, vendor: 'test', validate: () => new Promise(() => {}) } }
    broker.createTopic('checked', { schema })
    const producer = broker.producer()
    const refused = producer.send({ topic: 'checked', value: 1 }).catch(error => error.code)
    await producer.close({ timeoutMs: 20 })
    console.log('closed', await refused)
  `)
  expect(code).toBe(0)
  expect(lines).toEqual(['closed CLOSED'])
})

it('says what was full where a send still waits for room: nothing is left that could make some', async () => {
  const { lines } = await run(`
    const jobs = broker.createTopic('jobs', { cleanupPolicy: 'consumed', retentionRecords: 1 })
    jobs.append({ value: 1 })
    const error = await broker.producer().send({ topic: 'jobs', value: 2 }).catch(error => error)
    console.log(String(error))
  `)
  expect(lines).toEqual([
    'ClosedError: The broker was closed while this send waited for room, and nothing of it was written: ' +
      'jobs-0 keeps 1 record, and its retentionRecords is 1; no group reads it',
  ])
})

it('is listened for only while a consumer is open or a producer is at work', async () => {
  const { lines } = await run(`
    const listeners = () => process.listenerCount('beforeExit')
    for (let i = 0; i < 2; i++) {
      const consumer = broker.consumer({ groupId: 'g', topics: ['orders'] })
      await consumer.ready()
      const open = listeners()
      await consumer.close()
      console.log('consumer', open, listeners())
    }
    const producer = broker.producer({ transactionalId: 'tx' })
    const during = await producer.transaction(async tx => {
      await tx.send({ topic: 'orders', value: 1 })
      return listeners()
    })
    setImmediate(() => console.log('producer', during, listeners()))
  `)
  expect(lines).toEqual(['consumer 1 0', 'consumer 1 0', 'producer 1 0'])
})

it('a wait for the end of the log says why it was given up when the process has nothing else to do', async () => {
  const { code, lines, stderr } = await run(`
    broker.topic('orders').append({ value: 1 })
    const consumer = broker.consumer({ groupId: 'g', topics: ['orders'] })
    await consumer.ready()
    consumer.caughtUp().catch(error => console.log(error.name, error.message))
  `)
  expect(stderr).toBe('')
  expect(code).toBe(0)
  expect(lines).toEqual([
    "ClosedError Consumer 'consumer' of group 'g' is closed: the process had nothing else left to do, so no record could arrive",
  ])
})

it.each([
  ['reads a topic that does not exist', `broker.consumer({ groupId: 'g', topics: ['nowhere'] })`, 'nowhere'],
  ['is closed before that', `broker.consumer({ groupId: 'g', topics: ['orders'] })`, 'is closed'],
])('fails where nobody awaits the run of a consumer that %s', async (_, consumer, reason) => {
  const close = reason === 'is closed' ? 'await consumer.close()' : ''
  const { code, stderr } = await run(`
    const consumer = ${consumer}
    ${close}
    consumer.run({ eachRecord: () => {} })
  `)
  expect(stderr).toContain(reason)
  expect(code).toBe(1)
})
