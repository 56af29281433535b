import { warn } from '../events.ts'
import type { OpenTopics, TopicMap } from '../topic-definition.ts'
import { checkOptions, oneOf } from '../validate.ts'
import { TestBroker, type TestBrokerOptions, testBrokerChecks } from './test-broker.ts'

/** Options of a fixture: those of its test broker, and what to do when a test leaves something open. */
export interface BrokerFixtureOptions<Topics extends TopicMap = TopicMap> extends TestBrokerOptions<Topics> {
  /** `fail` the test, `warn` (default) with a process warning, or `ignore` it. */
  leftOpen?: 'fail' | 'warn' | 'ignore' | undefined
}

/**
 * Makes a fixture for vitest's `test.extend`: a broker for each test, closed after it. Reports what the test left open:
 * handlers that still run, and faults that hold something back or were never met.
 *
 * @example
 * const test = base.extend({ broker: brokerFixture({ topics }) })
 */
export function brokerFixture<Topics extends TopicMap = OpenTopics>(
  options: BrokerFixtureOptions<Topics> = {},
): (
  context: { readonly task: { readonly name: string } },
  use: (broker: TestBroker<Topics>) => Promise<void>,
) => Promise<void> {
  checkOptions('brokerFixture', options as BrokerFixtureOptions, {
    ...testBrokerChecks,
    leftOpen: oneOf('fail', 'warn', 'ignore'),
  })
  const { leftOpen = 'warn', ...rest } = options
  // vitest reads from the parameter's destructuring pattern which fixtures this one needs.
  return async ({ task }, use) => {
    const broker = new TestBroker<Topics>(rest as TestBrokerOptions<Topics>)
    let left: readonly string[] = []
    try {
      await use(broker)
      left = broker.leftOpen
    } finally {
      await broker.close()
    }
    if (left.length === 0 || leftOpen === 'ignore') return
    const text = `Test '${task.name}' left open: ${left.join('; ')}`
    if (leftOpen === 'fail') throw new Error(text)
    warn(text)
  }
}
