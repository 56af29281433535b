import { generateKeyPairSync } from 'node:crypto'
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, it } from 'vitest'
import { values } from './collect.ts'
import { start } from './served-broker.ts'

const file = (name: string) => readFileSync(path.join(import.meta.dirname, '../server/tls', name))
const [key, cert] = [file('key.pem'), file('cert.pem')]
const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const otherKey = privateKey.export({ type: 'pkcs8', format: 'pem' }) as string

describe('TLS', () => {
  it.each([
    ['do not fit each other', () => otherKey],
    [
      'cannot be read',
      () => {
        throw new Error('no such file')
      },
    ],
    [
      'fail without a reason',
      () => {
        throw undefined
      },
    ],
  ])('goes on with a certificate and a key that %s for a moment while they change', async (_, changing) => {
    const { join } = await start({ tls: { key, cert } })
    let now: () => string | Buffer = () => key
    let reads = 0
    const tls = {
      ca: cert,
      cert,
      get key() {
        reads++
        return now()
      },
    }
    const cluster = await join({ tls })
    await cluster.producer().send({ topic: 'orders', value: 1, partition: 0 })
    now = changing
    const before = reads
    // Its coordinator is asked on a connection of its own.
    const polled = cluster.consumer({ groupId: 'g', topics: ['orders'] }).poll()
    while (reads === before) await cluster.admin.listTopics()
    now = () => key
    expect(values(await polled)).toEqual([1])
  })

  it('says at once what is wrong with its options', async () => {
    const { join } = await start({ tls: { key, cert } })
    await expect(join({ tls: { ca: cert, cert, key: otherKey } })).rejects.toMatchObject({
      name: 'ClusterError',
      option: 'tls',
      message: expect.stringContaining('mismatch'),
    })
  })

  it.each([
    ['TLSv1.3', 'certificate required'],
    // It has no alert of its own for that.
    ['TLSv1.2', 'handshake failure'],
  ] as const)('says at once that the broker wants a certificate, by %s', async (maxVersion, why) => {
    const { join } = await start({
      tls: { key, cert, ca: cert, requestCert: true, rejectUnauthorized: true, maxVersion },
    })
    await expect(join({ tls: { ca: cert } })).rejects.toMatchObject({
      code: 'NETWORK_EXCEPTION',
      message: expect.stringMatching(new RegExp(`: SSL routines: .*${why}$`)),
    })
    await join({ tls: { ca: cert, cert, key } })
  })
})
