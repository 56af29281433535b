import { describe, expect, it } from 'vitest'
import { Broker } from '../../src/index.ts'
import { VirtualClock } from '../../src/testing/virtual-clock.ts'
import { offsets } from '../helpers/behaviours.ts'

/** A broker whose compacted topics are due so long after they were written, so that nothing is done before. */
function scene(clock: VirtualClock = new VirtualClock()) {
  const broker = new Broker({ clock, autoCreateTopics: false })
  /** A log of that many records of one key, and an open segment with one more. */
  function write(name: string, records: number, minCompactionLagMs = 1000) {
    const log = broker.createTopic(name, {
      cleanupPolicy: 'compact',
      segmentRecords: records,
      minCompactionLagMs,
    })
    for (let i = 0; i <= records; i++) log.append({ key: 'k', value: i })
    return log
  }
  /** In how many steps everything is compacted that is due. */
  async function steps(): Promise<number> {
    let count = 0
    for (; clock.waiting.includes('compaction'); count++) await clock.advanceToNext(1000)
    return count
  }
  return { broker, clock, write, steps }
}

describe('the logs of a broker', () => {
  it('are compacted while another topic is deleted', async () => {
    const { broker, clock, write } = scene()
    const log = write('table', 2)
    write('deleted', 2)
    broker.deleteTopic('deleted')
    await clock.advance(1000)
    expect(offsets(log.records())).toEqual([1, 2])
  })

  it.each([
    ['later', 1000, 5000],
    ['earlier', 5000, 1000],
  ])('are compacted when they are due, though another is due %s', async (_, lag, otherLag) => {
    const { clock, write } = scene()
    const log = write('table', 2, lag)
    write('other', 2, otherLag)
    await clock.advance(lag - 1)
    expect(offsets(log.records())).toEqual([0, 1, 2])
    await clock.advance(1)
    expect(offsets(log.records())).toEqual([1, 2])
  })

  it('are compacted in steps of as many records as the work budget has', async () => {
    const { write, steps } = scene(new VirtualClock(100))
    const log = write('table', 975)
    // Each record is looked at twice: for the last one of its key, and whether it stays.
    expect(await steps()).toBe(20)
    expect(offsets(log.records())).toEqual([974, 975])
  })

  it('are compacted in steps of two milliseconds', async () => {
    // Each look at the clock takes one.
    class Slow extends VirtualClock {
      #looks = 0
      override monotonic(): number {
        return this.#looks++
      }
    }
    const { write, steps } = scene(new Slow(1_000_000))
    const log = write('table', 5000)
    expect(await steps()).toBe(20)
    expect(offsets(log.records())).toEqual([4999, 5000])
  })

  it('take turns, so that a short one does not wait for a long one', async () => {
    const { clock, write } = scene(new VirtualClock(100))
    const long = write('long', 1000)
    const short = write('short', 40)
    await clock.advance(999)
    await clock.advanceToNext(1)
    await clock.advanceToNext(0)
    expect([short.records().length, long.records().length]).toEqual([2, 1001])
  })
})
