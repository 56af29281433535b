import { warn } from '../events.ts'
import type { OpenTopics, TopicMap } from '../topic-definition.ts'
import { checkOptions, oneOf } from '../validate.ts'
import { TestBroker, type TestBrokerOptions, testBrokerChecks } from './test-broker.ts'

/** What a fixture does about what a test left open. */
export interface BrokerFixtureOptions<Topics extends TopicMap = TopicMap> extends TestBrokerOptions<Topics> {
  /** `fail` the test, `warn` the process (default), or `ignore` it. */
  leftOpen?: 'fail' | 'warn' | 'ignore'
}

/**
 * A broker for each test, closed after it, as vitest's `test.extend` takes it. What the test left open (handlers that
 * still run, faults that held something back or were never met) is told.
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
  // vitest reads from the parameter's pattern what a fixture needs.
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
