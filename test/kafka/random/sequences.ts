import { sequencedBatch } from '../../helpers/wire-client.ts'
import type { Talk } from './talk.ts'

const mostSequence = 2 ** 31 - 1

interface Batch {
  readonly epoch: number
  readonly sequence: number
  readonly count: number
}

/** Idempotent producers whose sequence numbers repeat, skip, begin anew and wrap around, under epochs old and new. */
export class Sequences {
  readonly #talk: Talk
  /** By producer and partition, in the order in which they were sent. */
  readonly #sent = new Map<string, Batch[]>()

  constructor(talk: Talk) {
    this.#talk = talk
  }

  async converse(steps: number): Promise<void> {
    const talk = this.#talk
    const topic = { name: talk.name, numPartitions: 2, replicationFactor: 1, assignments: [], configs: [] }
    await talk.ask('createTopics', 7, { topics: [topic] })
    await talk.settled()
    for (let i = 0; i < steps; i++) {
      const dice = talk.below(100)
      if (dice < 80) await this.#send()
      else if (dice < 90) await this.#describe()
      else await this.#delete()
    }
    await this.#describe()
  }

  #next({ sequence, count }: Batch): number {
    return (sequence + count) % (mostSequence + 1)
  }

  #drawn(sent: readonly Batch[]): Batch {
    const talk = this.#talk
    const last = sent.at(-1)
    const count = 1 + talk.below(3)
    if (last === undefined)
      return {
        epoch: talk.oneOf([0, 0, 5, 32_767]),
        sequence: talk.oneOf([0, 0, 7, mostSequence - 4]),
        count,
      }
    const { epoch } = last
    const sequence = this.#next(last)
    const dice = talk.below(100)
    if (dice < 50) return { epoch, sequence, count }
    if (dice < 70) return talk.oneOf(sent.slice(-7))
    if (dice < 76) return { ...talk.oneOf(sent.slice(-7)), count }
    if (dice < 82) return { epoch, sequence: (sequence + talk.oneOf([1, 5])) % mostSequence, count }
    if (dice < 88)
      return { epoch: Math.min(epoch + 1, 32_767), sequence: talk.oneOf([0, 0, 1, sequence]), count }
    if (dice < 94) return { epoch: Math.max(0, epoch - 1), sequence: talk.oneOf([0, sequence]), count }
    if (dice < 97) return { epoch, sequence: talk.oneOf([0, -1, -2, mostSequence]), count }
    return { epoch: talk.oneOf([-1, -2]), sequence, count }
  }

  async #send(): Promise<void> {
    const talk = this.#talk
    const [producer, index] = [talk.below(2), talk.below(2)]
    const key = `${producer} ${index}`
    const sent = this.#sent.get(key) ?? []
    const batch = this.#drawn(sent)
    const { epoch, sequence, count } = batch
    const values = Array.from({ length: count }, (_, i) => i)
    const records = [sequencedBatch(2 ** 40 + producer, epoch, sequence, values)]
    const topicData = [{ name: talk.name, partitionData: [{ index, records }] }]
    const acks = talk.oneOf([-1, 1])
    const answer = await talk.ask('produce', 7 + talk.below(6), { transactionalId: null, acks, topicData })
    const { errorCode, baseOffset, logStartOffset } = answer.responses[0].partitionResponses[0]
    if (errorCode === 0) this.#sent.set(key, [...sent, batch])
    talk.tell(`${count} of ${producer} to ${index}, ${epoch}/${sequence}`, [
      errorCode,
      baseOffset,
      logStartOffset,
    ])
  }

  async #describe(): Promise<void> {
    const { topics } = await this.#talk.ask('describeProducers', 0, {
      topics: [{ name: this.#talk.name, partitionIndexes: [0, 1] }],
    })
    this.#talk.tell('producers', this.#talk.shown(topics))
  }

  async #delete(): Promise<void> {
    const talk = this.#talk
    const partitions = [{ partitionIndex: talk.below(2), offset: talk.oneOf([-1, -1, 1, 3]) }]
    await talk.hear('deleteRecords', 2, { topics: [{ name: talk.name, partitions }] })
  }
}
