import type { KafkaAndServed } from '../kafka-and-served.ts'
import { Talk } from './talk.ts'

/**
 * Has the same conversation with both, for each seed, so many of them at once. Throws what was told up to the first
 * difference. A difference has to come twice: a real Kafka is late now and then.
 */
export async function compareTalks(
  both: KafkaAndServed,
  about: string,
  drawn: readonly number[],
  converse: (talk: Talk) => Promise<unknown>,
  atOnce: number = 1,
): Promise<void> {
  const differences: string[] = []
  const left = [...drawn]
  const next = async (): Promise<void> => {
    const seed = left.shift()
    if (seed === undefined) return
    const compare = (name: string) => compareTalk(both, name, seed, converse, atOnce > 1)
    if ((await compare(`${about}-${seed}`)) !== undefined) {
      const difference = await compare(`${about}-${seed}-again`)
      if (difference !== undefined) differences.push(`${about}, seed ${seed}\n${difference}`)
    }
    await next()
  }
  await Promise.all(Array.from({ length: atOnce }, next))
  if (differences.length > 0)
    throw new Error(`${differences.length} differences\n\n${differences.join('\n\n')}`)
}

async function compareTalk(
  both: KafkaAndServed,
  name: string,
  seed: number,
  converse: (talk: Talk) => Promise<unknown>,
  apart: boolean,
): Promise<string | undefined> {
  const [real, served] = (await both.each(async (ask, connect) => {
    const talk = new Talk(name, seed, apart ? connect() : ask, connect)
    await converse(talk).catch(error => talk.tell('failed', String(error?.stack ?? error)))
    return talk.told
  })) as [string[], string[]]
  const at = real.findIndex((each, index) => each !== served[index])
  if (at === -1 && real.length === served.length) return undefined
  const before = real.slice(0, Math.max(at, 0)).join('\n')
  return `${before}\nKafka:  ${real[at] ?? 'no more'}\nserved: ${served[at] ?? 'no more'}`
}
