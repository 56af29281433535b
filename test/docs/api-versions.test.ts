/** What the page about clients tells of the protocol. */
import { expect, it } from 'vitest'
import { Broker } from '../../src/index.ts'
import { connect } from '../../src/server/index.ts'
import { apis } from '../../src/server/protocol/apis.ts'
import { WireClient } from '../helpers/wire-client.ts'
import { Page } from './page.ts'

interface SpokenApi {
  readonly apiKey: number
  readonly minVersion: number
  readonly maxVersion: number
}

it('lists the APIs and versions that the server tells its clients', async () => {
  const broker = new Broker()
  const software = { clientSoftwareName: 'test', clientSoftwareVersion: '1.0' }
  const { apiKeys } = await new WireClient(connect(broker)).call(apis.apiVersions, 3, software)
  await broker.close()
  const names = new Map(Object.values(apis).map(({ key, name }) => [key, name]))
  const spoken = apiKeys.map(({ apiKey, minVersion, maxVersion }: SpokenApi) => {
    // Named from version 0 on for old clients: what is below 3 is not served.
    const first = apiKey === apis.produce.key ? apis.produce.versions[0] : minVersion
    return `${names.get(apiKey)} ${first === maxVersion ? first : `${first}-${maxVersion}`}`
  })

  const rows = new Page('docs/kafka-clients.md').prose.matchAll(/^\| ([A-Z][\w, ]+) \| (\d[\d, -]*)/gm)
  const told = Array.from(rows).flatMap(([, apiNames, versions]) => {
    const each = versions!.trim().split(', ')
    return apiNames!.split(', ').map((name, i) => `${name} ${each[i]}`)
  })
  expect(told.sort()).toEqual(spoken.sort())
})
