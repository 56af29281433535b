import { setTimeout } from 'node:timers/promises'
import { expect, it } from 'vitest'
import { Broker } from '../../src/index.ts'
import { serve } from '../../src/server/index.ts'
import { seeds } from '../helpers/lot.ts'
import { runScene } from '../simulation/scene.ts'
import { ToldConsumer, toldTopics } from '../simulation/told-consumer.ts'
import { connected } from './connected.ts'

it('reads what it was told last, and answers every call, whatever it is told in one turn', async () => {
  for (const seed of seeds(15)) {
    const behind = new Broker({ topics: toldTopics })
    const { address } = await serve(behind, { consumerHeartbeatIntervalMs: 20 })
    const place = await connected(address, toldTopics, async () => void (await behind.close()))
    const told = new ToldConsumer({ place: place.pubSub, pass: setTimeout }, seed)
    await runScene(told)
    await place.close()
    expect.soft(told.problems, `seed ${seed}\n${told.transcript}`).toEqual([])
  }
}, 600_000)
