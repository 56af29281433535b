import type { BrokerClock } from '../../broker-clock.ts'
import { InvalidArgumentError } from '../../errors.ts'
import { type Barrier, FaultRules, type FaultRuleUse, type FaultTimes } from '../../fault-rules.ts'
import { didYouMean, suggest } from '../../suggest.ts'
import { anything, checkOptions, duration, invalidOption, oneOf, requireArgument } from '../../validate.ts'
import { describeValue } from '../../value-text.ts'
import { errnoRange, isErrno, type WireErrorCode, wireErrnos } from '../wire-error-code.ts'
import { checkWireScope, coversRequest, type RequestPoint, type WireScope } from './wire-scope.ts'

type WireFaultAction = 'fail' | 'delay' | 'pause' | 'disconnect' | 'truncate' | 'staleMetadata'

/** A fault of the wire and how often it was met. */
export type WireFaultUse = FaultRuleUse<WireFaultAction, WireScope>

/** What becomes of one request. */
export interface Fate {
  /** The parts of it that fail, and the errors in their answers; the first scope that fits a part counts. */
  readonly failures: { readonly scope: WireScope; readonly errno: number }[]
  /** Whether it is answered as before the cluster's last change. */
  stale: boolean
  /** Whether its connection ends: before it is done, or in place of the answer. */
  disconnect: 'before' | 'after' | undefined
  /** Whether only half of the answer is sent before the connection ends. */
  truncate: boolean
}

/** A request that may meet faults. */
export interface MetRequest extends RequestPoint {
  readonly clock: BrokerClock
  readonly fate: Fate
  /** Aborts when its server closes. */
  readonly closed: AbortSignal
}

// Names that Kafka has given up; KafkaJS, whose errors have them as their `type`, has not.
const formerNames = new Map<string, WireErrorCode>([
  ['UNKNOWN', 'UNKNOWN_SERVER_ERROR'],
  ['NOT_LEADER_FOR_PARTITION', 'NOT_LEADER_OR_FOLLOWER'],
  ['GROUP_LOAD_IN_PROGRESS', 'COORDINATOR_LOAD_IN_PROGRESS'],
  ['GROUP_COORDINATOR_NOT_AVAILABLE', 'COORDINATOR_NOT_AVAILABLE'],
  ['NOT_COORDINATOR_FOR_GROUP', 'NOT_COORDINATOR'],
])

function meantBy(error: unknown): readonly string[] {
  if (typeof error !== 'string') return []
  const present = formerNames.get(error)
  return present === undefined ? suggest(error, wireErrnos.keys()) : [present]
}

/** @throws InvalidArgumentError */
function errnoFrom(error: WireErrorCode | number): number {
  const errno = typeof error === 'number' ? error : wireErrnos.get(error)
  if (isErrno(errno)) return errno
  const expected = `the name of an error of Kafka's protocol, or its number (${errnoRange})`
  const suggestions = meantBy(error)
  throw new InvalidArgumentError(
    `faults.fail: expected ${expected}, received ${describeValue(error)}${didYouMean(suggestions)}`,
    { field: 'error', expected, received: error, suggestions },
  )
}

/**
 * Plans faults between clients and their broker. Requests meet them in the order in which they were planned. A scope that
 * no request can fit is refused: InvalidOptionError.
 *
 * @example
 * const faults = new WireFaults()
 * const kafka = new Kafka({ brokers: ['in-process:9092'], socketFactory: socketFactory(broker, { faults }) })
 * faults.fail({ api: 'Produce', topic: 'orders' }, 'NOT_LEADER_OR_FOLLOWER', { times: 2 })
 */
export class WireFaults extends FaultRules<WireFaultAction, WireScope, MetRequest> {
  constructor() {
    super({ covers: coversRequest })
  }

  /**
   * Fails what the scope covers, and answers it with an error. Of a request that names several topics, partitions or
   * groups, those in the scope fail and the rest is done, where the protocol has an error for each. Partitions are
   * added to a transaction all or none. A Produce without acks has no answer: its connection ends, as in Kafka.
   *
   * @throws InvalidArgumentError if the protocol has no such error
   */
  fail(scope: WireScope, error: WireErrorCode | number, times: FaultTimes = {}): this {
    checkWireScope('faults.fail', scope)
    const errno = errnoFrom(error)
    this.add('fail', scope, times, ({ fate }) => {
      fate.failures.push({ scope, errno })
    })
    return this
  }

  /** Does a request `ms` milliseconds later, on the broker's time; later requests of its connection wait for it. */
  delay(scope: WireScope, ms: number, times: FaultTimes = {}): this {
    checkWireScope('faults.delay', scope)
    requireArgument('faults.delay', 'ms', ms, duration)
    this.add('delay', scope, times, ({ clock, closed }) => this.sleep(clock, ms, closed))
    return this
  }

  /** Holds the next such request back until the barrier is released. */
  pauseNext(scope: WireScope): Barrier {
    checkWireScope('faults.pauseNext', scope)
    return this.addBarrier('pause', scope)
  }

  /**
   * Ends the connection: `before` the request is done (default), or `after` it, in place of the answer, so that the
   * client cannot know whether it was done.
   */
  disconnect(scope: WireScope, options: FaultTimes & { readonly when?: 'before' | 'after' } = {}): this {
    checkWireScope('faults.disconnect', scope)
    checkOptions('faults.disconnect', options, {
      when: oneOf('before', 'after'),
      times: anything,
      always: anything,
    })
    const { when = 'before', ...times } = options
    this.add('disconnect', scope, times as FaultTimes, ({ fate }) => {
      fate.disconnect ??= when
    })
    return this
  }

  /** Does the request, sends half of its answer, and ends the connection. */
  truncate(scope: WireScope, times: FaultTimes = {}): this {
    checkWireScope('faults.truncate', scope)
    this.add('truncate', scope, times, ({ fate }) => {
      fate.truncate = true
    })
    return this
  }

  /**
   * Answers a Metadata request as it would have been before the cluster's last change: with the former leaders and
   * their epochs, the brokers that ran, and the topics and partitions that there were. A change is a broker that stops
   * or starts, or a topic that is created, grows or is deleted. So a client may hear of a change first and then, as
   * from a broker that lags behind, of the state before it.
   */
  staleMetadata(scope: Omit<WireScope, 'api'> = {}, times: FaultTimes = {}): this {
    checkWireScope('faults.staleMetadata', scope)
    if ('api' in scope)
      throw invalidOption('faults.staleMetadata', 'api', 'nothing: it is Metadata', scope.api)
    const ofMetadata: WireScope = { ...scope, api: 'Metadata' }
    checkWireScope('faults.staleMetadata', ofMetadata)
    this.add('staleMetadata', ofMetadata, times, ({ fate }) => {
      fate.stale = true
    })
    return this
  }
}
