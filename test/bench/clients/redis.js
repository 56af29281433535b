import { createClient } from '@redis/client'

const stream = 'orders'
const group = 'billing'
const trim = { strategy: 'MAXLEN', strategyModifier: '~', threshold: 1_000_000 }

/** A Redis stream with a group; the commands of a batch are sent together. */
export async function connect(address, take) {
  const url = `redis://${address}`
  const publisher = await createClient({ url }).connect()
  const subscriber = await createClient({ url }).connect()
  await publisher.xGroupCreate(stream, group, '0', { MKSTREAM: true })
  let open = true
  const reading = (async () => {
    while (open) {
      const answer = await subscriber.xReadGroup(
        group,
        'member',
        { key: stream, id: '>' },
        { COUNT: 100, BLOCK: 100 },
      )
      const messages = answer?.[0]?.messages ?? []
      for (const { message } of messages) await take(JSON.parse(message.record))
      if (messages.length > 0)
        await subscriber.xAck(
          stream,
          group,
          messages.map(({ id }) => id),
        )
    }
  })()
  return {
    send(batch) {
      return Promise.all(
        batch.map(record => publisher.xAdd(stream, '*', { record: JSON.stringify(record) }, { TRIM: trim })),
      )
    },
    async close() {
      open = false
      await reading
      await subscriber.close()
      await publisher.close()
    },
  }
}
