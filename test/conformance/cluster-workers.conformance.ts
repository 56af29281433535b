import { expect, it } from 'vitest'
import { runWithPeer } from './run-with-peer.ts'

it('lets HTTP workers of node:cluster share the topics and groups of the primary', async () => {
  const printed = await runWithPeer('examples/cluster-workers/main.ts')
  expect(printed).toMatch(
    /^300 orders taken over HTTP, 300 billed by 3 workers: [1-9]\d*, [1-9]\d*, [1-9]\d*\n$/,
  )
})
