import { getEventListeners } from 'node:events'
import { expect, it } from 'vitest'
import type { PartitionReader } from '../../src/log/partition.ts'
import { untilEnough } from '../../src/server/record-wait.ts'
import { VirtualClock } from '../../src/testing/virtual-clock.ts'

/** A fetch that waits for two partitions, up to a minute, until a test says that there is enough. */
function wait() {
  const clock = new VirtualClock()
  const [records, leaders] = [new Set<() => void>(), new Set<() => void>()]
  const readers = [new Set<PartitionReader>(), new Set<PartitionReader>()]
  const client = new AbortController()
  const state = { enough: false, looks: 0 }
  const logs = readers.map(each => ({
    addReader: (reader: PartitionReader) => void each.add(reader),
    removeReader: (reader: PartitionReader) => void each.delete(reader),
  }))
  const waiting = { clock, logs, maxWaitMs: 60_000, signal: client.signal, released: records, moved: leaders }
  const found = untilEnough(waiting, () => {
    state.looks++
    return state.enough
  })
  const callAll = (listeners: Set<() => void>) => {
    for (const listener of [...listeners]) listener()
  }
  return {
    clock,
    client,
    state,
    found,
    append: (partition: number) =>
      callAll(new Set([...readers[partition]!].map(each => () => each.signal()))),
    release: () => callAll(records),
    moveLeaders: () => callAll(leaders),
    /** What would still call it. */
    get left() {
      const listeners = [...records, ...leaders, ...readers.flatMap(each => [...each])]
      return [...listeners, ...clock.waiting, ...getEventListeners(client.signal, 'abort')].length
    },
  }
}

it('looks once for all that happens in one turn, and again in the next', async () => {
  const { clock, state, found, append, release } = wait()
  append(0)
  append(1)
  // A turn is more than the promises that are settled.
  await Promise.resolve()
  release()
  expect(state.looks).toBe(0)
  await clock.settle()
  expect(state.looks).toBe(1)
  state.enough = true
  append(1)
  expect(await found).toBe(true)
  expect(state.looks).toBe(2)
})

it.each([
  ['its time is over', async ({ clock }) => void (await clock.advance(60_000))],
  ['leaders move', ({ moveLeaders }) => moveLeaders()],
  ['its client is gone', ({ client }) => client.abort()],
] as readonly [string, (waiting: ReturnType<typeof wait>) => unknown][])(
  'gives up when %s, and is called by nothing any more',
  async (_, end) => {
    const waiting = wait()
    expect(waiting.left).toBe(6)
    await end(waiting)
    expect(await waiting.found).toBe(false)
    expect(waiting.left).toBe(0)
  },
)

it('is called by nothing any more once there is enough', async () => {
  const waiting = wait()
  waiting.state.enough = true
  waiting.release()
  expect(await waiting.found).toBe(true)
  expect(waiting.left).toBe(0)
})

it('does not look any more when it gives up in the turn in which there would be enough', async () => {
  const { clock, state, found, append, moveLeaders } = wait()
  state.enough = true
  append(0)
  moveLeaders()
  expect(await found).toBe(false)
  await clock.settle()
  // Who looks acquires, and nobody would hear of it.
  expect(state.looks).toBe(0)
})
