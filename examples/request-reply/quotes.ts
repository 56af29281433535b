import { randomUUID } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { type PubSub, topic } from 'brokerlet'

export type Reply = { readonly cents: number } | { readonly error: string }

/** What both sides know a question by. */
interface Correlated {
  'correlation-id': string
}

// Nobody waits for a question or a reply for longer than a minute.
export const quoteTopics = {
  'quote-requests': topic<{ sku: string }, string, Correlated>({ partitions: 3, retentionMs: 60_000 }),
  'quote-replies': topic<Reply, string, Correlated>({ retentionMs: 60_000 }),
}

/** The side that answers. Several instances share the questions, as members of one group. */
export async function answerQuotes(
  pubsub: PubSub<typeof quoteTopics>,
  priceOf: (sku: string) => number | Promise<number>,
): Promise<void> {
  const producer = pubsub.producer()
  const requests = pubsub.consumer({ groupId: 'quotes', topics: ['quote-requests'] })
  await requests.run({
    eachRecord: async ({ key, value, headers }) => {
      const reply = await replyTo(value.sku)
      await producer.send({ topic: 'quote-replies', key, value: reply, headers })
    },
    concurrency: 10,
    ordering: 'none',
  })

  // What fails is an answer, too: whoever asks should hear of it, and not wait until their time is up.
  async function replyTo(sku: string): Promise<Reply> {
    try {
      return { cents: await priceOf(sku) }
    } catch (error) {
      return { error: String(error) }
    }
  }
}

/** The side that asks. */
export class Quotes {
  readonly #pubsub: PubSub<typeof quoteTopics>
  readonly #producer: ReturnType<PubSub<typeof quoteTopics>['producer']>
  readonly #sleep: Sleep
  readonly #waiting = new Map<string, (reply: Reply) => void>()

  private constructor(pubsub: PubSub<typeof quoteTopics>, sleep: Sleep) {
    this.#pubsub = pubsub
    this.#producer = pubsub.producer()
    this.#sleep = sleep
  }

  /** Reads replies from now on: `run` has found the end of the topic when it resolves, so no reply is missed. */
  static async start(
    pubsub: PubSub<typeof quoteTopics>,
    sleep: Sleep = (ms, { signal }) => delay(ms, undefined, { signal }),
  ): Promise<Quotes> {
    const quotes = new Quotes(pubsub, sleep)
    await quotes.#listen()
    return quotes
  }

  // A reader without a group: each instance sees every reply, and picks those that it waits for.
  async #listen(): Promise<void> {
    const replies = this.#pubsub.consumer({ topics: ['quote-replies'], from: 'end' })
    await replies.run({
      eachRecord: ({ value, headers }) => this.#waiting.get(headers['correlation-id'])?.(value),
    })
  }

  /** Asks for a price; rejects where there is no answer within `timeoutMs`. */
  async priceOf(sku: string, timeoutMs = 2000): Promise<number> {
    const id = randomUUID()
    const answered = new AbortController()
    // Before the question is sent: the answer may be there as soon as `send` resolves.
    const reply = new Promise<Reply>(resolve => this.#waiting.set(id, resolve))
    try {
      const late = this.#sleep(timeoutMs, answered).then(() => {
        throw new Error(`no price of ${sku} within ${timeoutMs} ms`)
      })
      const asked = this.#producer.send({
        topic: 'quote-requests',
        key: sku,
        value: { sku },
        headers: { 'correlation-id': id },
      })
      const answer = await Promise.race([asked.then(() => reply), late])
      if ('error' in answer) throw new Error(answer.error)
      return answer.cents
    } finally {
      this.#waiting.delete(id)
      answered.abort()
    }
  }

  /** How many questions are still waited for. */
  get waiting(): number {
    return this.#waiting.size
  }
}

type Sleep = (ms: number, options: { readonly signal: AbortSignal }) => Promise<void>
