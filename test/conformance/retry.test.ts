import { expect, it } from 'vitest'
import { BrokerClock } from '../../src/broker-clock.ts'
import { systemClock } from '../../src/clock.ts'
import { ClusterError } from '../../src/kafka/cluster-error.ts'
import { retry } from '../../src/kafka/retry.ts'

/** The pauses that a call makes which fails so often with an error of that code. */
async function pauses(code: ClusterError['code'], failures: number): Promise<number[]> {
  const made: number[] = []
  const clock = new BrokerClock({
    ...systemClock,
    setTimer: (callback, delayMs, { name } = {}) => {
      if (name === 'sleep') {
        made.push(delayMs)
        queueMicrotask(callback)
      }
      return { cancel: () => {} }
    },
  })
  let left = failures
  const attempt = async () => {
    if (left-- > 0) throw new ClusterError(code, 'not now')
  }
  await retry('Trying', attempt, { clock, random: () => 0.5, timeoutMs: 60_000 })
  return made
}

it('makes longer and longer pauses, up to a second', async () => {
  expect(await pauses('NETWORK_EXCEPTION', 7)).toEqual([50, 100, 200, 400, 800, 1000, 1000])
})

it('makes short pauses while the end of the last transaction is written', async () => {
  expect(await pauses('CONCURRENT_TRANSACTIONS', 4)).toEqual([5, 10, 20, 40])
})
