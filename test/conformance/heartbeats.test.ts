import { describe, expect, it } from 'vitest'
import { BrokerClock } from '../../src/broker-clock.ts'
import { InvalidArgumentError, TimeoutError } from '../../src/index.ts'
import { Heartbeats } from '../../src/kafka/heartbeats.ts'
import { VirtualClock } from '../../src/testing/index.ts'

/** Heartbeats at an interval of 3 s, each with the next of these answers, and then well; and when each was sent. */
function open(...answers: (Error | undefined)[]) {
  const clock = new VirtualClock()
  const sent: number[] = []
  const failing: unknown[] = []
  const failures: unknown[] = []
  const heartbeats = new Heartbeats({
    memberId: 'member',
    clock: new BrokerClock(clock),
    random: () => 0.5,
    intervalMs: () => 3000,
    beat: async () => {
      sent.push(clock.monotonic())
      const error = answers.shift()
      if (error !== undefined) throw error
    },
    failing: error => void failing.push(error),
    failed: error => void failures.push(error),
  })
  const ended = heartbeats.run()
  return { clock, sent, failing, failures, heartbeats, ended }
}

const unheard = new TimeoutError('nobody answers')

describe('the heartbeats of a member', () => {
  it('come at the interval of its group', async () => {
    const { clock, sent } = open()
    await clock.advance(9500)
    expect(sent).toEqual([3000, 6000, 9000])
  })

  it('come at once where the member has something to say, and then at the interval again', async () => {
    const { clock, sent, heartbeats } = open()
    await clock.advance(1000)
    heartbeats.soon()
    await clock.advance(4000)
    expect(sent).toEqual([1000, 4000])
  })

  it('come with growing pauses while no broker can be reached, and then at the interval again', async () => {
    const { clock, sent, failing, failures } = open(unheard, unheard, unheard, undefined)
    await clock.advance(7000)
    expect(sent).toEqual([3000, 3050, 3150, 3350, 6350])
    expect(failing).toEqual([unheard, unheard, unheard])
    expect(failures).toEqual([])
  })

  it('end with an error of the group, and say which', async () => {
    const error = new InvalidArgumentError('fenced', {})
    const { clock, sent, failures, ended } = open(undefined, error)
    await clock.advance(20_000)
    await ended
    expect(sent).toEqual([3000, 6000])
    expect(failures).toEqual([error])
  })

  it('end when the member stops, and wake nobody after that', async () => {
    const { clock, sent, heartbeats, ended } = open()
    await clock.advance(4000)
    heartbeats.stop()
    await ended
    await clock.advance(20_000)
    expect(sent).toEqual([3000])
    expect(clock.pending).toEqual([])
  })
})
