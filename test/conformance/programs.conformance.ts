import { expect, it } from 'vitest'
import { Broker, json, topic } from '../../src/index.ts'
import { serve } from '../../src/server/index.ts'
import { seeds } from '../helpers/lot.ts'
import { collectWarnings } from '../helpers/warnings.ts'
import { connected } from './connected.ts'
import { Program } from './program.ts'

const topics = {
  one: topic({ partitions: 1 }),
  three: topic({ partitions: 3 }),
  dead: topic({ partitions: 1 }),
}

collectWarnings()

it('come to the same in this process and connected to a server, whatever their calls', async () => {
  for (const seed of seeds(25)) {
    const own = new Broker({ topics, codec: json })
    const behind = new Broker({ topics, codec: json })
    const { address } = await serve(behind, { consumerHeartbeatIntervalMs: 50 })
    const place = await connected(address, topics, async () => void (await behind.close()))
    const [here, there] = await Promise.all([own, place.pubSub].map(each => new Program(each, seed).run(25)))
    await Promise.all([own.close(), place.close()])
    const at = here!.findIndex((told, call) => told !== there![call])
    const before = here!.slice(0, at).join('\n')
    if (at !== -1) expect.soft(there![at], `seed ${seed}\n${before}`).toBe(here![at])
  }
}, 600_000)
