import type { Mutation } from '../mutation.ts'

export const transactionMutations: readonly Mutation[] = [
  {
    name: 'a zombie with the same transactionalId is not fenced',
    file: 'transaction/transaction-coordinator.ts',
    find: 'else if (current !== session) throw fenced(session)',
    replace: '',
    breaks: 'only the last producer that came with a transactional id may write',
  },
  {
    name: 'what a fenced producer had open stays open',
    file: 'transaction/transaction-coordinator.ts',
    find: 'if (before.open !== undefined) this.#end(before, before.open, fenced(before))',
    replace: '',
    breaks: 'a producer that comes aborts what the one before it had open',
  },
  {
    name: 'a transaction has all the time in the world',
    file: 'transaction/transaction-coordinator.ts',
    find: 'this.#end(session, transaction, timedOut(session))',
    replace: 'void timedOut(session)',
    breaks: 'a transaction that takes too long is aborted',
  },
  {
    name: 'a commit does not look at its offsets again',
    file: 'transaction/transaction-coordinator.ts',
    find: 'transaction.checkOffsets()',
    replace: '',
    breaks: 'a transaction commits only offsets that its member still owns',
  },
  {
    name: 'the offsets of an aborted transaction count',
    file: 'transaction/open-transaction.ts',
    find: 'if (committed) for (const offsets of this.#offsets) offsets.commit()',
    replace: 'for (const offsets of this.#offsets) offsets.commit()',
    breaks: 'an aborted transaction leaves neither records nor offsets',
  },
  {
    name: 'an end reaches one partition only',
    file: 'transaction/open-transaction.ts',
    find: 'if (topic.endTransaction(partition, this.producerId, committed, now)) controls++',
    replace:
      'if (controls === 0 && topic.endTransaction(partition, this.producerId, committed, now)) controls++',
    breaks: 'all of a transaction counts, or nothing',
  },
  {
    name: 'aborted records are delivered',
    file: 'log/partition.ts',
    find: "segment.hide(i, 'aborted')",
    replace: 'void i',
    breaks: 'nobody who reads what is committed gets an aborted record',
  },
  {
    name: 'a record of an open transaction that follows others is forgotten',
    file: 'log/open-transactions.ts',
    find: 'if (last.to === offset) last.to = offset + count',
    replace: 'if (last.to === offset) last.to = offset',
    breaks: 'an abort takes every record of its transaction',
  },
  {
    name: 'the last stable offset looks at the newest transaction',
    file: 'log/open-transactions.ts',
    find: 'this.#open[0]!.ranges[0]!.from',
    replace: 'this.#open.at(-1)!.ranges[0]!.from',
    breaks: 'nothing behind the first open transaction is read',
  },
  {
    name: 'a batch that was written is written again',
    file: 'log/producer-states.ts',
    find: 'if (baseSequence === batch.baseSequence && count === batch.count) return baseOffset',
    replace:
      'if (baseSequence === batch.baseSequence && count === batch.count) { void baseOffset; return undefined }',
    breaks: 'an idempotent producer writes each batch once',
  },
  {
    name: 'a gap in the sequence is let through',
    file: 'log/producer-states.ts',
    find: 'if (batch.baseSequence !== expected) throw this.#outOfOrder(batch, expected)',
    replace: '',
    breaks: 'an idempotent producer writes its batches in order',
  },
  {
    name: 'an old producer epoch is let through',
    file: 'log/producer-states.ts',
    find: 'if (batch.producerEpoch < state.epoch) throw this.#fenced(batch, state)',
    replace: '',
    breaks: 'a producer of an older epoch writes nothing',
  },
  {
    name: 'a transaction that is over takes offsets',
    file: 'broker/memory-transactions.ts',
    find: 'this.#transaction.requireOpen()\n    const pending',
    replace: 'const pending',
    breaks: 'what comes after the end of a transaction is refused',
  },
]
