import { afterEach, beforeEach } from 'vitest'
import { eventLoopTurn } from '../../src/testing/turns.ts'

/** A warning of brokerlet; its detail is the stack of the error that it tells of. */
export interface Warned extends Error {
  readonly detail?: string
}

/** The texts of brokerlet's process warnings since the test began; they arrive once the current work is done. */
export function collectWarnings(): string[] {
  return collect(({ message }) => message)
}

/** The same, each as it came. */
export function collectWarned(): Warned[] {
  return collect(warning => warning)
}

function collect<Item>(itemOf: (warning: Warned) => Item): Item[] {
  const items: Item[] = []
  const heard = (warning: Error) => {
    if (warning.name === 'BrokerletWarning') items.push(itemOf(warning))
  }
  beforeEach(async () => {
    // What handlers say that were still running when the broker of the test before was closed.
    await eventLoopTurn()
    items.length = 0
    process.on('warning', heard)
  })
  afterEach(() => void process.off('warning', heard))
  return items
}
