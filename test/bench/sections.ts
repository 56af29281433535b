/** The sections of the table, in order, with what a reader has to know of each. */
export const sections = {
  sync: {
    title: 'To a synchronous handler',
    text: 'A sender makes 100 records, hands them over and waits; a handler takes each. `push and loop` is the bare loop: an array that is pushed to and then looped over. `bare log` is the least that keeps records by key: the same partitioner, columns, the place of each record as the answer, an object for each that is read; no checks, no groups, no commits.',
  },
  async: {
    title: 'To an asynchronous handler',
    text: 'The same, but every handler is awaited before the next record of its partition, and the sender waits until its batch is taken. `push and await` is the bare loop. An emitter waits for no handler: it is there to be looked at.',
  },
  ways: {
    title: 'Other ways to consume',
    text: '`sendBatch` of 100; the sender waits until its batch is taken. The first table has `run` with one handler.',
  },
  awaited: {
    title: 'One awaited send after the other',
    text: 'The sender waits for each record, and each is delivered.',
  },
  groups: {
    title: 'To many groups',
    text: 'Every group gets every record. Figures are per record, not per delivery.',
  },
  payloads: {
    title: 'Other records',
    text: 'As the first table, with strings of 1 KiB and with buffers of 100 bytes, 1,000 of each, by reference.',
  },
  partitions: {
    title: 'More partitions, more records',
    text: 'As the first table, on 1, 100 and 1,000 partitions. A growth is what a record costs with much, divided by what it costs with little; the yardstick of a growth is that of a bare loop over columns, since caches set that floor.',
  },
  latency: {
    title: 'From sending to the handler',
    text: 'The 99th percentile of the time from before a record is sent until it is handed on.',
  },
  parts: {
    title: 'The parts',
    text: 'Appending alone, and reading alone.',
  },
  memory: {
    title: 'What is kept',
    text: 'Heap, array buffers, and what they cost the collector.',
  },
  housekeeping: {
    title: 'Trimming, compaction, transactions, rebalances',
    text: 'What goes on beside the records.',
  },
  package: {
    title: 'The package',
    text: 'Imported in fresh processes, as it is built for npm.',
  },
  servers: {
    title: 'Servers on loopback',
    text: 'What a broker in another process costs: records are JSON, the same 100 a batch, and the sender waits until the server has each batch. Handlers are asynchronous.',
  },
} as const satisfies Readonly<Record<string, { readonly title: string; readonly text: string }>>

export type SectionName = keyof typeof sections
