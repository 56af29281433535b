import { promise as fastq } from 'fastq'
import PQueue from 'p-queue'
import type { OrderMessage } from '../orders.ts'
import { inBatches, type Peer } from '../peer.ts'

/** One record after the other, so that they keep their order; the sender waits for the last one of a batch. */
export const fastQueue: Peer = {
  name: 'fastq.promise',
  start: ({ sink, messages: { passed } }) => {
    const queue = fastq((record: OrderMessage) => sink.takeAsync(record), 1)
    return inBatches((from, to) => {
      let last: Promise<unknown> | undefined
      for (let i = from; i < to; i++) last = queue.push(passed(i))
      return last
    })
  },
}

export const pQueue: Peer = {
  name: 'p-queue',
  start: ({ sink, messages: { passed } }) => {
    const queue = new PQueue({ concurrency: 1 })
    const add = (record: OrderMessage) => queue.add(() => sink.takeAsync(record))
    const work = inBatches((from, to) => {
      let last: Promise<unknown> | undefined
      for (let i = from; i < to; i++) last = add(passed(i))
      return last
    })
    return { share: 0.1, work }
  },
}

/** Ten records at once, in no order. */
export const fastQueueOfTen: Peer = {
  name: 'fastq.promise of 10',
  start: ({ sink, messages: { passed } }) => {
    const queue = fastq((record: OrderMessage) => sink.takeAsync(record), 10)
    return inBatches((from, to) => {
      const taken = sink.expect(to - from)
      for (let i = from; i < to; i++) void queue.push(passed(i))
      return taken
    })
  },
}

export const pQueueOfTen: Peer = {
  name: 'p-queue of 10',
  start: ({ sink, messages: { passed } }) => {
    const queue = new PQueue({ concurrency: 10 })
    const add = (record: OrderMessage) => queue.add(() => sink.takeAsync(record))
    const work = inBatches((from, to) => {
      const taken = sink.expect(to - from)
      for (let i = from; i < to; i++) void add(passed(i))
      return taken
    })
    return { share: 0.1, work }
  },
}
