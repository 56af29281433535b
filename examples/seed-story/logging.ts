import type { Consumer, PubSub } from 'brokerlet'
import type { PaymentTopics } from './payments.ts'

/** Writes every payment to a disk that is full after a number of lines. */
export class Logging {
  readonly lines: string[] = []
  capacity: number
  /** Why it stopped. */
  failure: unknown

  constructor(capacity: number) {
    this.capacity = capacity
  }

  /** Resolves once the consumer reads; its `done` settles when it stops. */
  async start(pubsub: PubSub<PaymentTopics>): Promise<Consumer> {
    const consumer = pubsub.consumer({ groupId: 'logging', topics: ['payments'] })
    consumer.on('crashed', ({ error }) => {
      this.failure = error.cause
    })
    await consumer.run({
      eachRecord: ({ value: { id, account, amount } }) => {
        if (this.lines.length >= this.capacity) throw new Error('no space left on device')
        this.lines.push(`payment ${id}: ${account} pays ${amount}`)
      },
      retry: { attempts: 3, delayMs: 20 },
      onFailure: 'stop',
    })
    return consumer
  }
}
