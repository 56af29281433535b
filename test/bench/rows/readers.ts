import type { OrderConsumer, Sink } from '../orders.ts'

/** Makes a consumer read in one of the ways that there are, and count what it gets. */
type Reader = (consumer: OrderConsumer, sink: Sink) => Promise<void>

async function loop(consumer: OrderConsumer, sink: Sink): Promise<void> {
  for await (const record of consumer) sink.take(record)
}

async function loopOfBatches(consumer: OrderConsumer, sink: Sink): Promise<void> {
  for await (const { records } of consumer.batches()) for (const record of records) sink.take(record)
}

async function pollAgain(consumer: OrderConsumer, sink: Sink): Promise<void> {
  // An empty answer, without a timeout, says that the consumer is closed.
  for (let records = await consumer.poll(); records.length > 0; records = await consumer.poll()) {
    for (const record of records) sink.take(record)
  }
}

const begun =
  (read: (consumer: OrderConsumer, sink: Sink) => Promise<void>): Reader =>
  async (consumer, sink) => {
    void read(consumer, sink)
    await consumer.ready()
  }

/** The ways to consume. */
export const readers = {
  sync: (consumer, sink) => consumer.run({ eachRecord: record => sink.take(record) }),
  async: (consumer, sink) => consumer.run({ eachRecord: record => sink.takeAsync(record) }),
  eachBatch: (consumer, sink) =>
    consumer.run({
      eachBatch: async ({ records }) => {
        for (const record of records) sink.take(record)
      },
    }),
  concurrent: (consumer, sink) =>
    consumer.run({ concurrency: 10, eachRecord: record => sink.takeAsync(record) }),
  byKey: (consumer, sink) =>
    consumer.run({ concurrency: 10, ordering: 'key', eachRecord: record => sink.takeAsync(record) }),
  forAwait: begun(loop),
  batches: begun(loopOfBatches),
  poll: begun(pollAgain),
} as const satisfies Readonly<Record<string, Reader>>
