import { setTimeout as sleep } from 'node:timers/promises'
import { seededRandom } from '../../../src/testing/seeded-random.ts'
import type { Ask, KafkaAndServed } from '../kafka-and-served.ts'

/** One side of a conversation whose requests are drawn by lot: a seed says what is asked, and answers are told. */
export class Talk {
  readonly told: string[] = []
  /** Apart from those of other conversations: part of the names of topics, groups and ids. */
  readonly name: string
  readonly ask: Ask
  /** Another connection, for a request that is answered late. */
  readonly connect: () => Ask
  readonly #random: () => number

  constructor(name: string, seed: number, ask: Ask, connect: () => Ask) {
    this.name = name
    this.ask = ask
    this.connect = connect
    this.#random = seededRandom(seed)
  }

  below(n: number): number {
    return Math.floor(this.#random() * n)
  }

  chance(share: number): boolean {
    return this.#random() < share
  }

  oneOf<T>(choices: readonly T[]): T {
    return choices[this.below(choices.length)]!
  }

  tell(what: string, answer: unknown): void {
    this.told.push(`${what}: ${typeof answer === 'string' ? answer : JSON.stringify(answer)}`)
  }

  /** Asks again while what came is only for now. Kafka's brokers are not yet done with something now and then. */
  async eventually<T>(ask: () => Promise<T>, passing: (answer: T) => boolean): Promise<T> {
    for (let attempt = 0; ; attempt++) {
      const answer = await ask()
      if (!passing(answer) || attempt === 200) return answer
      await sleep(10)
    }
  }
}

/** The seeds from one to another, or those that `SEEDS=1-500` in the environment asks for instead. */
export function seeds(first: number, last: number): readonly number[] {
  const [from, to] = (process.env.SEEDS ?? `${first}-${last}`).split('-').map(Number) as [number, number]
  return Array.from({ length: to - from + 1 }, (_, i) => from + i)
}

/**
 * Has the same conversation with both, for each seed. Throws what was told up to the first difference. A difference has
 * to come twice: a real Kafka is late now and then.
 */
export async function compareTalks(
  both: KafkaAndServed,
  about: string,
  drawn: readonly number[],
  converse: (talk: Talk) => Promise<unknown>,
): Promise<void> {
  const differences: string[] = []
  for (const seed of drawn) {
    const compare = (name: string) => compareTalk(both, name, seed, converse)
    if ((await compare(`${about}-${seed}`)) === undefined) continue
    const difference = await compare(`${about}-${seed}-again`)
    if (difference !== undefined) differences.push(`${about}, seed ${seed}\n${difference}`)
  }
  if (differences.length > 0)
    throw new Error(`${differences.length} differences\n\n${differences.join('\n\n')}`)
}

async function compareTalk(
  both: KafkaAndServed,
  name: string,
  seed: number,
  converse: (talk: Talk) => Promise<unknown>,
): Promise<string | undefined> {
  const [real, served] = (await both.each(async (ask, connect) => {
    const talk = new Talk(name, seed, ask, connect)
    await converse(talk).catch(error => talk.tell('failed', String(error?.stack ?? error)))
    return talk.told
  })) as [string[], string[]]
  const at = real.findIndex((each, index) => each !== served[index])
  if (at === -1 && real.length === served.length) return undefined
  const before = real.slice(0, Math.max(at, 0)).join('\n')
  return `${before}\nKafka:  ${real[at] ?? 'no more'}\nserved: ${served[at] ?? 'no more'}`
}
