import type { Mutation } from '../mutation.ts'

export const logMutations: readonly Mutation[] = [
  {
    name: 'deleteRecords removes one too many',
    file: 'log/partition.ts',
    find: `this.#advance(beforeOffset, 'deleteRecords')`,
    replace: `this.#advance(Math.min(this.#end, beforeOffset + 1), 'deleteRecords')`,
    breaks: 'deleteRecords forgets what is before the offset, and nothing else',
  },
  {
    name: 'retentionRecords keeps one too few',
    file: 'log/partition.ts',
    find: 'const to = this.#end - retentionRecords',
    replace: 'const to = this.#end - retentionRecords + 1',
    breaks: 'retentionRecords is exact',
  },
  {
    name: 'retention by age goes by half of the time',
    file: 'log/retention.ts',
    find: 'Math.max(maxTimestamp + retentionMs,',
    replace: 'Math.max(maxTimestamp + retentionMs / 2,',
    breaks: 'a record is kept for as long as its topic says',
  },
  {
    name: 'retention by age never looks a second time',
    file: 'log/log-manager.ts',
    find: 'this.#expireAt(next)',
    replace: '',
    breaks: 'a segment goes when its time is over',
  },
  {
    name: 'maxRecords makes no room for what comes',
    file: 'log/log-manager.ts',
    find: 'return count <= this.#roomRecords &&',
    replace: 'return 0 <= this.#roomRecords &&',
    breaks: 'a broker never keeps more than maxRecords',
  },
  {
    name: 'a search by time passes over records of that very time',
    file: 'log/column-segment.ts',
    find: 'this.#numbers[2 * middle]! < delta) low = middle + 1',
    replace: 'this.#numbers[2 * middle]! <= delta) low = middle + 1',
    breaks: 'offsetForTimestamp gives the first offset whose timestamp is at least that',
  },
  {
    name: 'a batch that crosses a segment misses its first record there',
    file: 'log/segments.ts',
    find: 'while (index < last) records[at++] = segment.record',
    replace: 'if (at > 0) index++\n      while (index < last) records[at++] = segment.record',
    breaks: 'a fetch gives every record, in order',
  },
  {
    name: 'records are swapped in a batch',
    file: 'broker/log-writer.ts',
    find: 'writeRecord(records[i]!, sizes',
    replace: 'writeRecord(records[i ^ 1] ?? records[i]!, sizes',
    breaks: 'those of one partition keep their order, and each acknowledgement is its own',
  },
  {
    name: 'a batch is written from its end',
    file: 'broker/log-writer.ts',
    find: 'const written = new Array<RecordMetadata>(count)\n    for (let i = 0; i < count; i++) {',
    replace: 'const written = new Array<RecordMetadata>(count)\n    for (let i = count - 1; i >= 0; i--) {',
    breaks: 'those of one partition keep their order',
  },
  {
    name: 'a refused batch writes its head',
    file: 'producer/record-sender.ts',
    find: 'const record = this.#check(messages[i])',
    replace: `let record
      try {
        record = this.#check(messages[i])
      } catch (error) {
        this.#sink.appendBatch(records.slice(0, i), { timeoutMs: 0, signals: [] })
        throw error
      }`,
    breaks: 'a batch is all or nothing',
  },
  {
    name: 'an acknowledged record is not written',
    file: 'broker/log-writer.ts',
    find: 'const metadata = topic.write(partition, key, value, headers, timestamp, size, now)',
    replace: `const before = topic.partitions[partition]!.highWatermark
    const lost = before % 16 === 15
    const metadata = lost
      ? { topic: topic.name, partition, offset: before, timestamp: now }
      : topic.write(partition, key, value, headers, timestamp, size, now)`,
    breaks: 'what is acknowledged is in the log',
  },
  {
    name: 'a record is written twice',
    file: 'broker/log-writer.ts',
    find: 'this.#log.appended(1, size)\n',
    replace: `this.#log.appended(1, size)
    if (metadata.offset % 16 === 15) {
      writeRecord(record, size, now, undefined)
      this.#log.appended(1, size)
    }
`,
    breaks: 'a send writes one record',
  },
  {
    name: 'a deleted topic keeps its committed offsets',
    file: 'broker/group-coordinator.ts',
    find: 'this.#offsets.deleteTopic(name)',
    replace: '',
    breaks: 'a topic takes its offsets with it, and a new one of its name starts from the beginning',
  },
  {
    name: 'dropped records are not told',
    file: 'broker/group-progress.ts',
    find: 'if (count > 0) dropped.push',
    replace: 'if (count < 0) dropped.push',
    breaks: 'recordsDropped says what a group had not read',
  },
  {
    name: 'a group counts only where it has committed',
    file: 'group/group-lag.ts',
    find: 'return this.#next(topic, partition, true) ?? (begins ? 0 : undefined)',
    replace: 'return this.#next(topic, partition, true)',
    breaks: 'recordsDropped says what a group had not read',
  },
  {
    name: 'a group that is moved back is not asked before records go',
    file: 'group/group-offsets.ts',
    find: 'this.#host.topics.get(topic)?.partitions[partition]?.readFrom(offset)',
    replace: '',
    breaks: 'recordsDropped says what a group had not read',
  },
  {
    name: 'a segment begins with what a dropped one held',
    file: 'log/column-segment.ts',
    find: 'dropped.#slots.fill(null)',
    replace: 'dropped.#slots',
    breaks: 'what was dropped is let go',
  },
  {
    name: 'dropped records are held for the next segment',
    file: 'log/segment-list.ts',
    find: 'this.#dropped = new WeakRef(last)',
    replace: 'this.#dropped = { deref: () => last } as unknown as WeakRef<ColumnSegment>',
    breaks: 'what was dropped is let go',
  },
  {
    name: 'what was compacted goes after what came after it',
    file: 'log/log-manager.ts',
    find: 'partition.segments[index]!',
    replace: 'turns[index]![0]',
    breaks: 'maxRecords bounds the whole broker',
  },
  {
    name: 'bytes that are counted anew are counted twice',
    file: 'log/segment-list.ts',
    find: 'const before = this.bytes\n    this.bytes = 0\n',
    replace: 'const before = this.bytes\n',
    breaks: 'retentionBytes bounds a partition',
  },
  {
    name: 'what a group has not read goes before what all have read',
    file: 'log/clearance.ts',
    find: 'if (segment.endOffset <= readBefore) this.#take(segment, partition)',
    replace: 'if (segment.endOffset > readBefore) this.#take(segment, partition)',
    breaks: 'what nobody misses goes first',
  },
  {
    name: 'a part of a segment goes however small it is',
    file: 'log/clearance.ts',
    find: 'if (count * leastPart < segment.count) continue',
    replace: '',
    breaks: 'a part of a segment goes only if it is an eighth of it',
  },
  {
    name: 'newest values of a compacted topic go for room',
    file: 'log/clearance.ts',
    find: 'partition.room === undefined && !this.#whole.has(segment)',
    replace: '!this.#whole.has(segment)',
    breaks: 'a compacted topic never gives up its newest values',
  },
  {
    name: 'a look-up by time passes over a segment that ends at that time',
    file: 'log/segments.ts',
    find: 'segment.runningMaxTimestamp >= timestamp',
    replace: 'segment.runningMaxTimestamp > timestamp',
    breaks: 'offsetForTimestamp gives the first offset whose timestamp is at least that',
  },
  {
    name: 'a full log drops a record that a group has not read',
    file: 'log/partition-room.ts',
    find: 'from > log.consumedBefore) return false',
    replace: 'from > log.consumedBefore + 1) return false',
    breaks: 'whenFull keeps what a group has not committed',
  },
]
