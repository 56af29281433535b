import { MessageChannel } from 'node:worker_threads'
import { IllegalStateError } from '../errors.ts'

// A message channel, because no test runner replaces it: fake timers replace setImmediate and setTimeout.
const { port1, port2 } = new MessageChannel()
const waiting: (() => void)[] = []

port2.on('message', () => {
  if (waiting.length === 1) port2.unref()
  waiting.shift()?.()
})
port2.unref()

/** Resolves after one turn of the event loop, when every promise that could go on has done so. */
export function eventLoopTurn(): Promise<void> {
  return new Promise(resolve => {
    if (waiting.push(resolve) === 1) port2.ref()
    port1.postMessage(undefined)
  })
}

// As they were when this module was loaded, before a test replaced them.
const { setTimeout: realSetTimeout } = globalThis

/** Real time, for what happens outside of a broker's. */
export function realDelay(ms: number): Promise<void> {
  return new Promise(resolve => void realSetTimeout(resolve, ms))
}

/**
 * Refuses to go on where promise work would wait for a fake clock: a faked `nextTick` or `queueMicrotask` never runs by
 * itself, and what a handler awaits may hang on it.
 *
 * @throws IllegalStateError naming the option that leaves them alone
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
