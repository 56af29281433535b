import { expect, it, vi } from 'vitest'
import { RequestLog } from '../../src/server/index.ts'
import { until } from './collect.ts'
import { start } from './served-broker.ts'

// A served broker ends no session: how long one lasts is put into its answer.
const session = vi.hoisted(() => ({ lifetimeMs: 0 }))

vi.mock(import('../../src/server/handlers/sasl.ts'), async original => {
  const { saslHandlers } = await original()
  return {
    saslHandlers: (...given) =>
      saslHandlers(...given).map(each => ({
        ...each,
        handle: async (request, context) => {
          const answer = await each.handle(request, context)
          return each.api.name === 'SaslAuthenticate'
            ? { ...answer!, sessionLifetimeMs: session.lifetimeMs }
            : answer
        },
      })),
  }
})

const mechanisms = ['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512'] as const

async function joined(mechanism: (typeof mechanisms)[number], lifetimeMs: number) {
  session.lifetimeMs = lifetimeMs
  const requests = new RequestLog()
  const { join } = await start({ sasl: { users: { ada: 'secret' } }, requests })
  const cluster = await join({ sasl: { mechanism, username: 'ada', password: 'secret' } })
  return { cluster, proofs: () => requests.of({ api: 'SaslHandshake' }).length }
}

it.each(mechanisms)('proves who it is once where its session lasts for months, by %s', async mechanism => {
  const { cluster, proofs } = await joined(mechanism, 90 * 24 * 3600 * 1000)
  const before = proofs()
  for (let i = 0; i < 50; i++) await cluster.admin.listTopics()
  expect(proofs()).toBe(before)
})

it.each(mechanisms)('proves who it is anew before its session ends, by %s', async mechanism => {
  const { cluster, proofs } = await joined(mechanism, 100)
  const before = proofs()
  await until(() => expect(proofs()).toBeGreaterThan(before + 1))
  expect(await cluster.admin.listTopics()).toEqual(['orders'])
})
