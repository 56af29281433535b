import type { BrokerClock } from '../broker-clock.ts'
import type { Timer } from '../clock.ts'
import { warn } from '../events.ts'
import { describeError } from '../thrown.ts'
import type { Ask } from './ask.ts'
import type { ClientLibrary } from './client-library.ts'
import { hasCode } from './cluster-error.ts'
import { addressOf } from './connections.ts'
import type { BrokerAddress } from './library-connection.ts'
import { isForTls } from './library-failure.ts'

// How long `connect` is silent about brokers that do not answer, and waits for one of them alone.
const patienceMs = 2000

/** A cluster that nobody knows yet. */
interface UnknownCluster {
  readonly library: ClientLibrary
  readonly clock: BrokerClock
  readonly apiTimeoutMs: number
  askAny<Request extends readonly unknown[], Response>(ask: Ask<Request, Response>): Promise<Response>
}

/** What a cluster says first: which versions of its APIs it speaks. */
export type FirstAnswer = Awaited<ReturnType<ClientLibrary['apiVersionsV3']['api']['async']>>

/**
 * Resolves when one of the brokers has answered; warns where none has done so for long. `what` is being done.
 *
 * @throws ClusterError where no broker answers
 */
export async function firstAnswer(
  cluster: UnknownCluster,
  brokers: readonly BrokerAddress[],
  what: string,
): Promise<FirstAnswer> {
  const { clock, apiTimeoutMs, library } = cluster
  let others = brokers.length - 1
  let failure = ''
  let isOver = false
  const ask = () =>
    cluster.askAny({
      what,
      api: library.apiVersionsV3,
      request: () => ['brokerlet', '1'] as const,
      errno: ({ errorCode }) => errorCode,
      goesOn: error => {
        failure = `: ${describeError(error)}`
        // Neither a wrong certificate nor a function that returns no secret becomes right by waiting.
        const isFinal = isForTls(error) || hasCode(error, 'SASL_AUTHENTICATION_FAILED')
        return !isOver && (others-- > 0 || !isFinal)
      },
    })
  // A broker may still be starting, so that is no error yet; a wrong address should not take a minute to be seen.
  const tell = () => warn(`${what}: no broker has answered yet, tried for up to ${apiTimeoutMs} ms${failure}`)
  let waiting: Timer | undefined
  try {
    return await new Promise<FirstAnswer>((resolve, reject) => {
      // One that stands still takes the connection, and would be waited for as long as a request may take.
      const askAnother = (asked: number) => {
        if (asked === 1) tell()
        if (asked === brokers.length) return
        ask().then(resolve, reject)
        waiting = clock.setTimer(() => askAnother(asked + 1), patienceMs, { name: what })
      }
      askAnother(0)
    })
  } finally {
    isOver = true
    waiting?.cancel()
  }
}

/** What is being done until then, for messages. */
export function connectingTo(brokers: readonly BrokerAddress[]): string {
  return `Connecting to the cluster (${brokers.map(addressOf).join(', ')})`
}
