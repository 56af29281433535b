import { channel, tracingChannel } from 'node:diagnostics_channel'
import { isThenable } from './maybe-promise.ts'
import type { AnyRecord } from './record.ts'
import type { TopicPartitionOffset } from './topic-partition.ts'

/** What every message of a tracing channel has. */
export interface Trace {
  /** The result of the traced call, once it has succeeded. */
  result?: unknown
  /** The error of the traced call, once it has failed. */
  error?: unknown
  /**
   * Set by a subscriber of `start`: makes the traced call, in an async context of its own for example. Where another
   * subscriber has set one already, call that one within.
   */
  run?: (call: () => unknown) => unknown
}

/**
 * A message being sent. A subscriber of `start` puts into `headers` what is added to its own, to propagate a trace; one
 * of the same name is replaced.
 */
export interface TracedMessage {
  readonly topic: string
  /** As it was given to the call, unchecked. */
  readonly key: unknown
  /** The same; a schema or codec has not seen it yet. */
  readonly value: unknown
  /** Empty at first: what is to be added to the message's own headers. */
  readonly headers: Record<string, string>
}

/** `tracing:brokerlet.send:*`: a `send` or a `sendBatch`. */
export interface SendTrace extends Trace {
  readonly clientId: string
  readonly messages: readonly TracedMessage[]
}

/** `tracing:brokerlet.poll:*`: a `poll`, or a fetch of a loop; its result is the records. */
export interface PollTrace extends Trace {
  readonly clientId: string
  readonly groupId: string | undefined
}

/** `tracing:brokerlet.process:*`: one call of a handler of `run`. */
export interface ProcessTrace extends Trace {
  readonly clientId: string
  readonly groupId: string | undefined
  /** The record, or those of a batch. */
  readonly records: readonly AnyRecord[]
  readonly batch: boolean
  readonly attempt: number
}

/** `tracing:brokerlet.commit:*`: offsets are committed. */
export interface CommitTrace extends Trace {
  readonly clientId: string
  readonly groupId: string | undefined
  readonly offsets: readonly TopicPartitionOffset[]
  /** Whether the consumer commits by itself, without a call of `commit`. */
  readonly automatic: boolean
}

/** `brokerlet.event`: an event of a broker or a consumer, whether or not anyone listens to it. */
export interface EventMessage {
  /** What emits the event: `Broker`, or the consumer by its name. */
  readonly source: string
  /** The group of the consumer, or the one that an event of the broker is about. */
  readonly groupId: string | undefined
  readonly name: string
  readonly payload: unknown
}

/**
 * A tracing channel (node:diagnostics_channel): `start`, `end`, `asyncStart`, `asyncEnd` and `error`, as Node's own send
 * them. A call that answers at once stays synchronous: its `end` comes with `result` or `error` in the message.
 */
class Tracing<Message extends Trace> {
  readonly #channels: ReturnType<typeof tracingChannel<unknown, Message>>

  constructor(name: string) {
    this.#channels = tracingChannel(name)
  }

  /** Whether the channel has a subscriber; asked before a message is made. */
  get listened(): boolean {
    const { start, end, asyncStart, asyncEnd, error } = this.#channels
    return (
      start.hasSubscribers ||
      end.hasSubscribers ||
      asyncEnd.hasSubscribers ||
      error.hasSubscribers ||
      asyncStart.hasSubscribers
    )
  }

  /** Makes a call and publishes it; returns what the call returns. */
  trace<Result>(message: Message, call: () => Result): Result {
    const { start, end, error } = this.#channels
    return start.runStores(message, () => {
      try {
        const result = (message.run === undefined ? call() : message.run(call)) as Result
        if (isThenable(result)) return this.#traceLater(message, result) as Result
        message.result = result
        return result
      } catch (thrown) {
        message.error = thrown
        error.publish(message)
        throw thrown
      } finally {
        end.publish(message)
      }
    })
  }

  async #traceLater(message: Message, result: PromiseLike<unknown>): Promise<unknown> {
    const { asyncStart, asyncEnd, error } = this.#channels
    try {
      message.result = await result
      return message.result
    } catch (thrown) {
      message.error = thrown
      error.publish(message)
      throw thrown
    } finally {
      asyncStart.publish(message)
      asyncEnd.publish(message)
    }
  }
}

export const sending: Tracing<SendTrace> = new Tracing('brokerlet.send')
export const polling: Tracing<PollTrace> = new Tracing('brokerlet.poll')
export const processing: Tracing<ProcessTrace> = new Tracing('brokerlet.process')
export const committing: Tracing<CommitTrace> = new Tracing('brokerlet.commit')

const eventChannel = channel('brokerlet.event')

/** Publishes events to `brokerlet.event`. */
export const events = {
  /** Whether the channel has a subscriber. */
  get listened(): boolean {
    return eventChannel.hasSubscribers
  },

  publish(source: string, owner: object, name: string, payload: unknown): void {
    const groupId = groupOf(owner) ?? groupOf(payload)
    const message: EventMessage = { source, groupId, name, payload }
    eventChannel.publish(message)
  },
}

function groupOf(value: unknown): string | undefined {
  const groupId = (value as { readonly groupId?: unknown } | null | undefined)?.groupId
  return typeof groupId === 'string' ? groupId : undefined
}
