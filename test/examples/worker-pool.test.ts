import { expect, it, onTestFinished } from 'vitest'
import { WorkerPool } from '../../examples/worker-pool/worker-pool.ts'
import { runExample } from './run-example.ts'

it('counts in threads while the main one goes on', { timeout: 60_000 }, async () => {
  const { exit, lines, errors } = await runExample('worker-pool/main.ts')

  expect(errors).toBe('')
  expect(exit).toBe(0)
  expect(lines).toEqual([
    'below -1: cannot count below -1',
    'below 300000: 25997 primes',
    'below 400000: 33860 primes',
    'below 500000: 41538 primes',
    'below 600000: 49098 primes',
    'meanwhile this thread went on',
    '1 dead letter',
  ])
})

function startPool<Input>(file = '../../examples/worker-pool/primes.mjs'): WorkerPool<Input, number> {
  const pool = new WorkerPool<Input, number>(new URL(file, import.meta.url), 1)
  onTestFinished(() => pool.close())
  return pool
}

it('refuses what cannot be copied into a thread, and goes on', async () => {
  const pool = startPool<unknown>()
  await expect(pool.run(() => {})).rejects.toThrow('could not be cloned')
  expect(await pool.run(10)).toBe(4)
})

it('does not begin what is aborted already', async () => {
  await expect(startPool().run(10, { signal: AbortSignal.abort('late') })).rejects.toBe('late')
})

it('rejects what still waits when it closes, and what comes later', async () => {
  const pool = startPool<number>()
  const tasks = [pool.run(1_000_000_000), pool.run(10)]
  const ended = Promise.allSettled(tasks)
  await pool.close()
  expect((await ended).map(({ status }) => status)).toEqual(['rejected', 'rejected'])
  await expect(pool.run(10)).rejects.toThrow('closed')
})

it('rejects each task where its thread cannot be started', async () => {
  const pool = startPool<number>('./not-there.mjs')
  await expect(pool.run(10)).rejects.toThrow('not-there.mjs')
  await expect(pool.run(10)).rejects.toThrow('not-there.mjs')
})

it('fails no other task where the one that is aborted has just ended', async () => {
  const code = `import { parentPort } from 'node:worker_threads'
    parentPort.on('message', ended => {
      parentPort.postMessage(1, [])
      Atomics.store(ended, 0, 1)
      Atomics.notify(ended, 0)
    })`
  const pool = startPool<Int32Array>(`data:text/javascript,${encodeURIComponent(code)}`)
  const flag = () => new Int32Array(new SharedArrayBuffer(4))
  const [first, ended, next] = [flag(), flag(), flag()]
  await pool.run(first)
  const controller = new AbortController()
  const aborted = pool.run(ended, { signal: controller.signal })
  const other = pool.run(next)
  Atomics.wait(ended, 0, 0)
  controller.abort('late')
  await expect(aborted).rejects.toBe('late')
  expect(await other).toBe(1)
})
