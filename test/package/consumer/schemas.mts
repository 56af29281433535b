import assert from 'node:assert/strict'
import { type } from 'arktype'
import { Broker, topic } from 'brokerlet'
import * as v from 'valibot'
import { z } from 'zod'

const broker = new Broker({
  topics: {
    zod: topic({ schema: z.object({ n: z.string().transform(Number) }) }),
    valibot: topic({
      schema: v.object({
        n: v.pipe(
          v.string(),
          v.transform(text => Number(text)),
        ),
      }),
    }),
    arktype: topic({ schema: type({ n: 'string.numeric.parse' }), partitions: 2 }),
  },
})
const producer = broker.producer()
for (const name of ['zod', 'valibot', 'arktype'] as const) {
  await producer.send({ topic: name, value: { n: '1' } })
  // @ts-expect-error: a schema's output is not what it takes
  await assert.rejects(producer.send({ topic: name, value: { n: 1 } }))
}
const numbers: number[] = (['zod', 'valibot', 'arktype'] as const).map(
  name => broker.topic(name).records()[0]!.value.n,
)
assert.deepEqual(numbers, [1, 1, 1])
await broker.close()
console.log('ok')
