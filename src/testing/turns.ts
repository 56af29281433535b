import { MessageChannel } from 'node:worker_threads'
import { IllegalStateError } from '../errors.ts'

// A message channel, because no test runner fakes it: fake timers replace setImmediate and setTimeout.
const { port1, port2 } = new MessageChannel()
const waiting: (() => void)[] = []

// It listens only while somebody waits. The port is there until the process ends, and would keep what listens to it:
// under Jest, which loads every module anew for each test file, all that such a file has loaded.
function turned(): void {
  if (waiting.length === 1) port2.off('message', turned)
  waiting.shift()?.()
}

/** Resolves after one turn of the event loop, when every promise that could go on has done so. */
export function eventLoopTurn(): Promise<void> {
  return new Promise(resolve => {
    // A port that is listened to keeps the process alive.
    if (waiting.push(resolve) === 1) port2.on('message', turned)
    port1.postMessage(undefined)
  })
}

/** The clock of fake timers, as vitest and jest have them: it keeps the functions that it has replaced. */
interface FakeClock {
  readonly _setTimeout?: typeof setTimeout
  readonly _clearTimeout?: typeof clearTimeout
}

// The functions as they were before anybody replaced them: a runner may have done so for every test file, before that
// loads this module.
const { clock: fakeClock = {} } = globalThis.setTimeout as { readonly clock?: FakeClock }
const {
  _setTimeout: realSetTimeout = globalThis.setTimeout,
  _clearTimeout: realClearTimeout = globalThis.clearTimeout,
} = fakeClock

/** Calls `callback` after `ms` milliseconds of real time, for which no process stays alive; returns what takes it back. */
export function afterRealDelay(ms: number, callback: () => void): () => void {
  const timer = realSetTimeout(callback, ms)
  timer.unref()
  return () => realClearTimeout(timer)
}

/** Whether a test has put fake timers in the place of the real ones. */
export function timersAreFake(): boolean {
  return globalThis.setTimeout !== realSetTimeout
}

/** Resolves after `ms` milliseconds of real time. */
export function realDelay(ms: number): Promise<void> {
  return new Promise(resolve => void realSetTimeout(resolve, ms))
}

/**
 * Checks that promises can go on while the broker's time moves: a faked `nextTick` or `queueMicrotask` never runs by
 * itself, and a handler's promise may depend on it.
 *
 * @throws IllegalStateError where one of them is faked; the message names the option that leaves them alone
 */
export async function requireRealMicrotasks(): Promise<void> {
  let ticked = false
  let queued = false
  process.nextTick(() => {
    ticked = true
  })
  queueMicrotask(() => {
    queued = true
  })
  await eventLoopTurn()
  const faked = [...(ticked ? [] : ['nextTick']), ...(queued ? [] : ['queueMicrotask'])]
  if (faked.length === 0) return
  const list = faked.map(name => `'${name}'`).join(', ')
  throw new IllegalStateError(
    `Fake timers hold back ${faked.join(' and ')}, so promises cannot run while the broker's time moves: ` +
      `jest.useFakeTimers({ doNotFake: [${list}] }), or leave them out of vitest's fakeTimers.toFake`,
    { option: 'doNotFake' },
  )
}
