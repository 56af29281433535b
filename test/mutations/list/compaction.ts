import type { Mutation } from '../mutation.ts'

export const compactionMutations: readonly Mutation[] = [
  {
    name: 'compaction takes the newest record of a key',
    file: 'log/compaction.ts',
    find: 'latest !== undefined && latest > offset) return false',
    replace: 'latest !== undefined && latest >= offset) return false',
    breaks: 'the newest value of each key survives',
  },
  {
    name: 'compaction keeps the older records of a key',
    file: 'log/compaction.ts',
    find: 'latest !== undefined && latest > offset) return false',
    replace: 'latest !== undefined && latest > offset + 3) return false',
    breaks: 'of each key only the newest value is kept',
  },
  {
    name: 'an aborted record supersedes another one',
    file: 'log/compaction.ts',
    find: 'if (key !== null && segment.visible(index, true))\n        this.#latest',
    replace: 'if (key !== null)\n        this.#latest',
    breaks: 'what was aborted counts for nothing',
  },
  {
    name: 'tombstones go at once',
    file: 'log/compaction.ts',
    find: 'const until = tombstones.get(offset) ?? now + deleteRetentionMs',
    replace: 'const until = tombstones.get(offset) ?? now + 0 * deleteRetentionMs',
    breaks: 'a tombstone is kept for deleteRetentionMs',
  },
  {
    name: 'tombstones stay for ever',
    file: 'log/compaction.ts',
    find: 'if (until <= now) return false',
    replace: '',
    breaks: 'a tombstone goes after deleteRetentionMs',
  },
  {
    name: 'compaction reads what is undecided',
    file: 'log/partition-cleaner.ts',
    find: 'all.filter(({ endOffset }) => endOffset <= this.#log.lastStableOffset)',
    replace: 'all.filter(({ endOffset }) => endOffset > -1)',
    breaks: 'nothing behind an open transaction is compacted',
  },
  {
    name: 'young records are compacted',
    file: 'log/partition-cleaner.ts',
    find: 'minCompactionLagMs > 0 && segment.maxTimestamp + minCompactionLagMs > now',
    replace: 'minCompactionLagMs > 0 && segment.maxTimestamp - minCompactionLagMs > now',
    breaks: 'a record is not compacted before minCompactionLagMs',
  },
  {
    name: 'a segment with gaps is read as if it had none',
    file: 'log/column-segment.ts',
    find: '#explicitOffsets(): void {\n    this.plain = false\n',
    replace: '#explicitOffsets(): void {\n',
    breaks: 'each record is handed out once, through the gaps of compaction',
  },
  {
    name: 'compaction rests for ever once a topic was deleted',
    file: 'log/log-cleaner.ts',
    find: 'if (this.#due.size > 0) return\n    this.#timerAt = Number.POSITIVE_INFINITY\n',
    replace: 'if (this.#due.size > 0) return\n',
    breaks: 'a topic is compacted by itself',
  },
  {
    name: 'what is clean already does not count',
    file: 'log/partition-cleaner.ts',
    find: 'clean += segment.count',
    replace: 'clean += 0',
    breaks: 'a pass begins once minCleanableDirtyRatio of the log is dirty',
  },
]
