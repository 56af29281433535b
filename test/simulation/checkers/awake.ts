import type { World } from '../world.ts'

/** Once all work that needs no time is done, no consumer waits for records that it could read (asleep). */
export class Awake {
  readonly #world: World

  constructor(world: World) {
    this.#world = world
  }

  check(): void {
    for (const member of this.#world.live) {
      if (!member.waits) continue
      for (const assignment of member.held) {
        const { topic, partition } = assignment
        if (member.retries(assignment)) continue
        const position = member.consumer.position({ topic, partition })
        const { highWatermark } = this.#world.broker.topic(topic).partitions[partition]!
        if (position === highWatermark) continue
        if (member.consumer.paused.some(tp => tp.topic === topic && tp.partition === partition)) continue
        this.#world.report(
          'asleep',
          `${member.name} waits at ${position} of ${topic}-${partition}, which ends at ${highWatermark}`,
        )
      }
    }
    this.#world.throwAnomaly()
  }
}
