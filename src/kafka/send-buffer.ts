import { AbortWatch } from '../abort-watch.ts'
import type { BrokerClock } from '../broker-clock.ts'
import { Deadline } from '../deadline.ts'
import type { SendWait } from '../engine.ts'
import { TimeoutError } from '../errors.ts'
import type { RecordMetadata } from '../record.ts'
import type { Appender } from './appender.ts'
import type { RecordSend } from './produced-record.ts'

interface Waiting {
  readonly send: RecordSend
  go(): void
}

/** Limits the bytes in flight: further sends wait, in the order in which they came. (Kafka: buffer.memory) */
export class SendBuffer {
  readonly #appender: Appender
  readonly #clock: BrokerClock
  readonly #maxBytes: number
  readonly #waiting: Waiting[] = []
  readonly #aborts = new AbortWatch()
  #bytes = 0
  #underWay = 0
  #whenThrough: (() => void)[] = []

  constructor(appender: Appender, clock: BrokerClock, maxBytes: number) {
    this.#appender = appender
    this.#clock = clock
    this.#maxBytes = maxBytes
  }

  append(send: RecordSend, wait: SendWait): Promise<RecordMetadata[]> {
    if (this.#waiting.length === 0 && this.#fits(send)) return this.#send(send, wait)
    return this.#sendLater(send, wait)
  }

  // A send larger than the whole buffer goes alone.
  #fits({ bytes }: RecordSend): boolean {
    return this.#bytes === 0 || this.#bytes + bytes <= this.#maxBytes
  }

  /** Resolves when all records given so far, including those that wait for room, are written or refused. */
  async through(): Promise<void> {
    if (this.#underWay > 0) await new Promise<void>(resolve => this.#whenThrough.push(resolve))
  }

  #send(send: RecordSend, { signals }: SendWait): Promise<RecordMetadata[]> {
    this.#bytes += send.bytes
    this.#underWay++
    this.#appender.append(send.records)
    // A record in flight may be written, so its sender must wait to learn whether it was.
    const unwatch = this.#aborts.watch(signals, reason => {
      for (const record of send.records) if (this.#appender.remove(record)) record.reject(reason)
    })
    const over = () => {
      unwatch()
      this.#bytes -= send.bytes
      this.#underWay--
      this.#next()
      // `#next` has let waiting sends in where nothing else was under way, so none of them is left here.
      if (this.#underWay === 0) for (const resolve of this.#whenThrough.splice(0)) resolve()
    }
    send.settled.then(over, over)
    return send.settled
  }

  #next(): void {
    for (let next = this.#waiting[0]; next !== undefined && this.#fits(next.send); next = this.#waiting[0]) {
      next.go()
    }
  }

  #sendLater(send: RecordSend, wait: SendWait): Promise<RecordMetadata[]> {
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
      const giveUp = (reason: unknown) => {
        if (!settle()) return
        reject(reason)
        // What waited behind it may fit. A little later: the same signal may end that, too.
        void Promise.resolve().then(() => this.#next())
      }
      const waiting: Waiting = {
        send,
        go: () => {
          settle()
          resolve(this.#send(send, wait))
        },
      }
      const unwatch = this.#aborts.watch(signals, giveUp)
      deadline.passed.then(() => giveUp(this.#noRoom(timeoutMs)))
      this.#waiting.push(waiting)
    })
  }

  #noRoom(timeoutMs: number): TimeoutError {
    return new TimeoutError(
      `Waited ${timeoutMs} ms for room to send: ${this.#bytes} bytes are on their way, and ${this.#maxBytes} is the most`,
    )
  }
}
