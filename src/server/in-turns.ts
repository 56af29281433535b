import type { BrokerClock } from '../broker-clock.ts'

/**
 * Answers the items of a request in order. Where that takes long, the event loop has its turn in between, so other
 * clients are answered. The work of consumers is not counted: beside a busy one, a long request would get one item a
 * turn.
 */
export async function inTurns<Item, Answer>(
  clock: BrokerClock,
  items: Iterable<Item>,
  answer: (item: Item) => Answer,
): Promise<Answer[]> {
  const { ms, records } = clock.workBudget
  const answers: Answer[] = []
  let began = clock.monotonic()
  let count = 0
  for (const item of items) {
    if (count === records || clock.monotonic() - began >= ms) {
      await clock.turn()
      began = clock.monotonic()
      count = 0
    }
    answers.push(answer(item))
    count++
  }
  return answers
}
