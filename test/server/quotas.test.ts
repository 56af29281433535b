import { expect, it } from 'vitest'
import { apis } from '../../src/server/protocol/apis.ts'
import type { Api } from '../../src/server/protocol/message.ts'
import { wireScenes } from '../helpers/wire-scene.ts'

const { alterClientQuotas, describeClientQuotas } = apis as unknown as Readonly<Record<string, Api>>

const start = wireScenes()
const unsupportedVersion = 35

it('tells that there are no quotas, and sets none', async () => {
  const { client } = start()
  const entityOf = (entityName: string) => [{ entityType: 'client-id', entityName }]
  const rate = { key: 'producer_byte_rate', value: 1024.5 }
  for (const version of [0, 1]) {
    const filter = { components: [{ entityType: 'client-id', matchType: 2, match: null }] }
    expect(await client.call(describeClientQuotas!, version, filter)).toMatchObject({
      errorCode: 0,
      entries: [],
    })
    const { entries } = await client.call(alterClientQuotas!, version, {
      entries: [
        { entity: entityOf('shop'), ops: [rate] },
        { entity: entityOf('billing'), ops: [{ ...rate, remove: true }] },
      ],
    })
    expect(entries).toMatchObject([
      {
        entity: entityOf('shop'),
        errorCode: unsupportedVersion,
        errorMessage: expect.stringContaining('no quotas'),
      },
      { entity: entityOf('billing'), errorCode: 0, errorMessage: null },
    ])
  }
})
