import { describe, it } from 'vitest'
import { type EngineUnderTest, scenes } from './engine-under-test.ts'
import { administration } from './suite/administration.ts'
import { compaction } from './suite/compaction.ts'
import { groups } from './suite/groups.ts'
import { handling } from './suite/handling.ts'
import { producing } from './suite/producing.ts'
import { reading } from './suite/reading.ts'
import { transactions } from './suite/transactions.ts'

/** One part of the suite: sentences that hold on every engine. */
export type Area = (tools: {
  test(name: string, body: () => Promise<void>): void
  scene: ReturnType<typeof scenes>
}) => void

const areas = { producing, reading, groups, handling, transactions, compaction, administration }

/** The same tests on whatever engine. A test that one does not pass is skipped there, and says why. */
export function conformance(engine: EngineUnderTest): void {
  const unused = new Set(Object.keys(engine.differences))
  describe(engine.name, () => {
    const scene = scenes(engine)
    for (const [name, area] of Object.entries(areas)) {
      describe(name, () => {
        area({
          scene,
          test: (sentence, body) => {
            unused.delete(sentence)
            const reason = engine.differences[sentence]
            if (reason === undefined) it(sentence, { timeout: 60_000 }, body)
            else it.skip(`${sentence} (${reason})`, body)
          },
        })
      })
    }
    it('has no reason for a test that there is not', () => {
      if (unused.size > 0) throw new Error(`no such test: ${[...unused].join(', ')}`)
    })
  })
}
