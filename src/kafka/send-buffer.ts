import type { BrokerClock } from '../broker-clock.ts'
import { Deadline } from '../deadline.ts'
import type { SendWait } from '../engine.ts'
import { TimeoutError } from '../errors.ts'
import type { RecordMetadata } from '../record.ts'
import { AbortWatch } from './abort-watch.ts'
import type { Appender } from './appender.ts'
import type { ProducedRecord } from './produced-record.ts'

interface Waiting {
  readonly record: ProducedRecord
  go(): void
}

/** Bounds what is on its way: who sends more than that waits, in the order in which they came. (Kafka: buffer.memory) */
export class SendBuffer {
  readonly #appender: Appender
  readonly #clock: BrokerClock
  readonly #maxBytes: number
  readonly #waiting: Waiting[] = []
  readonly #aborts = new AbortWatch()
  #bytes = 0

  constructor(appender: Appender, clock: BrokerClock, maxBytes: number) {
    this.#appender = appender
    this.#clock = clock
    this.#maxBytes = maxBytes
  }

  append(record: ProducedRecord, wait: SendWait): Promise<RecordMetadata> {
    if (this.#waiting.length === 0 && this.#fits(record)) return this.#send(record, wait)
    return this.#sendLater(record, wait)
  }

  // One that is larger than all of it goes alone.
  #fits({ bytes }: ProducedRecord): boolean {
    return this.#bytes === 0 || this.#bytes + bytes <= this.#maxBytes
  }

  #send(record: ProducedRecord, { signals }: SendWait): Promise<RecordMetadata> {
    this.#bytes += record.bytes
    const sent = this.#appender.append(record)
    // What is on its way may be written: its sender is to know.
    const unwatch = this.#aborts.watch(signals, reason => {
      if (this.#appender.remove(record)) record.reject(reason)
    })
    const over = () => {
      unwatch()
      this.#bytes -= record.bytes
      this.#next()
    }
    sent.then(over, over)
    return sent
  }

  #next(): void {
    for (
      let next = this.#waiting[0];
      next !== undefined && this.#fits(next.record);
      next = this.#waiting[0]
    ) {
      this.#waiting.shift()
      next.go()
    }
  }

  #sendLater(record: ProducedRecord, wait: SendWait): Promise<RecordMetadata> {
    return new Promise((resolve, reject) => {
      const { timeoutMs, signals } = wait
      const deadline = new Deadline(this.#clock, timeoutMs, 'room to send')
      const settle = () => {
        deadline.cancel()
        unwatch()
        const at = this.#waiting.indexOf(waiting)
        if (at !== -1) this.#waiting.splice(at, 1)
        return at !== -1
      }
      const waiting: Waiting = {
        record,
        go: () => {
          settle()
          resolve(this.#send(record, wait))
        },
      }
      const unwatch = this.#aborts.watch(signals, reason => {
        settle()
        reject(reason)
      })
      deadline.passed.then(() => {
        if (settle()) reject(this.#noRoom(record, timeoutMs))
      })
      this.#waiting.push(waiting)
    })
  }

  #noRoom({ written: { topic, partition } }: ProducedRecord, timeoutMs: number): TimeoutError {
    return new TimeoutError(
      `Waited ${timeoutMs} ms for room to send: ${this.#bytes} bytes are on their way, and ${this.#maxBytes} is the most`,
      { topic, partition },
    )
  }
}
