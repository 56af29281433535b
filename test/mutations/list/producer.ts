import type { Mutation } from '../mutation.ts'

export const producerMutations: readonly Mutation[] = [
  {
    name: 'murmur2 forgets a byte of the tail',
    file: 'producer/murmur2.ts',
    find: 'for (let index = length - 1; index >= blocksEnd; index--) {',
    replace: 'for (let index = length - 1; index > blocksEnd; index--) {',
    breaks: 'a key lands on the same partition as in Java',
  },
  {
    name: 'murmur2 of bytes forgets a byte of the tail',
    file: 'producer/murmur2.ts',
    find: 'index >= blocksEnd; index--) tail = (tail << 8) | bytes[index]!',
    replace: 'index > blocksEnd; index--) tail = (tail << 8) | bytes[index]!',
    breaks: 'a key of bytes lands on the same partition as in Java',
  },
  {
    name: 'a hash is made positive by Math.abs',
    file: 'producer/murmur2.ts',
    find: 'return hash & 0x7fffffff',
    replace: 'return Math.abs(hash)',
    breaks: 'a key lands on the same partition as in Java',
  },
  {
    name: 'the sticky partition never advances',
    file: 'producer/partitioner.ts',
    find: 'if (cursor === undefined || cursor.records === 0) return\n    cursor.partition++',
    replace: 'if (cursor === undefined || cursor.records === 0) return',
    breaks: 'records without a key go round the partitions',
  },
  {
    name: 'a later send overtakes one that waits for its schema',
    file: 'producer/record-sender.ts',
    find: 'if (this.#queue !== undefined && this.#queue.size > 0) return this.#sendLater(message, wait)',
    replace: '',
    breaks: 'the sends of a producer keep their order',
  },
  {
    name: 'a deleted topic is still found by its name',
    file: 'broker/topic-registry.ts',
    find: 'last.name === name && !last.deleted',
    replace: 'last.name === name',
    breaks: 'what is deleted is gone',
  },
  {
    name: 'a send that was given up is written when its schema answers',
    file: 'producer/record-sender.ts',
    find: `await Promise.race([prepared ?? prepare(), givenUp])
      // A send that was given up, even just now, must not be written: its caller does not expect it in the log.
      for (const signal of ends) signal.throwIfAborted()
`,
    replace: 'await (prepared ?? prepare())\n',
    breaks: 'what a close refuses is never written',
  },
  {
    name: 'a transaction begins after the close of its producer',
    file: 'producer/transactions.ts',
    find: 'this.#closed = reason\n',
    replace: '',
    breaks: 'what a close refuses is never written',
  },
  {
    name: 'a close does not wait for sends that wait for room',
    file: 'producer/record-sender.ts',
    find: 'await Promise.allSettled(this.#waiting ?? [])',
    replace: '',
    breaks: 'close resolves when the sends under way are through',
  },
  {
    name: 'a refused message of a batch is forgotten when a later one cannot be read',
    file: 'producer/record-sender.ts',
    find: 'forgetPromise(record)\n        return',
    replace: 'return',
    breaks: 'no send leaves an unhandled rejection behind',
  },
  {
    name: 'a later batch overtakes a send that waits for its schema',
    file: 'producer/record-sender.ts',
    find: 'if (this.#queue !== undefined && this.#queue.size > 0) return this.#sendBatchLater(messages, wait)',
    replace: '',
    breaks: 'the sends of a producer keep their order',
  },
  {
    name: 'a close does not wait for batches that wait for room',
    file: 'producer/record-sender.ts',
    find: `const sent = this.#sink.appendBatch(prepared, wait)
    return isPromise(sent) ? this.#follow(sent) : sent`,
    replace: 'return this.#sink.appendBatch(prepared, wait)',
    breaks: 'close resolves when the sends under way are through',
  },
  {
    name: 'a close does not wait for schemas',
    file: 'producer/record-sender.ts',
    find: 'await this.#queue?.idle()\n',
    replace: '',
    breaks: 'close resolves when the sends under way are through',
  },
  {
    name: 'a send after the time of its transaction waits for its schema',
    file: 'producer/record-sender.ts',
    find: 'if (this.#endedBy !== undefined) this.#end.abort(this.#endedBy)\n',
    replace: '',
    breaks: 'a transaction that takes too long ends, whatever its function waits for',
  },
]
