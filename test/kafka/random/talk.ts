import { setTimeout as sleep } from 'node:timers/promises'
import { seededRandom } from '../../../src/testing/seeded-random.ts'
import type { Ask, KafkaAndServed } from '../kafka-and-served.ts'

/** One side of a conversation whose requests are drawn by lot: a seed says what is asked, and answers are told. */
export class Talk {
  readonly told: string[] = []
  /** Apart from those of other conversations: part of the names of topics, groups and ids. */
  readonly name: string
  readonly ask: Ask
  readonly #random: () => number

  constructor(name: string, seed: number, ask: Ask) {
    this.name = name
    this.ask = ask
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
  async settled<T>(ask: () => Promise<T>, passing: (answer: T) => boolean): Promise<T> {
    for (let attempt = 0; ; attempt++) {
      const answer = await ask()
      if (!passing(answer) || attempt === 200) return answer
      await sleep(10)
    }
  }
}

/**
 * Has the same conversation with both, for each of so many seeds, or for those of the environment (SEEDS=1-500). Throws
 * what was told up to the first difference of each.
 */
export async function compareTalks(
  both: KafkaAndServed,
  about: string,
  count: number,
  converse: (talk: Talk) => Promise<unknown>,
): Promise<void> {
  const [from, to] = (process.env.SEEDS ?? `1-${count}`).split('-').map(Number) as [number, number]
  const differences: string[] = []
  for (let seed = from; seed <= to; seed++) {
    const [real, served] = (await both.each(async ask => {
      const talk = new Talk(`${about}-${seed}`, seed, ask)
      await converse(talk).catch(error => talk.tell('failed', String(error?.stack ?? error)))
      return talk.told
    })) as [string[], string[]]
    const at = real.findIndex((each, index) => each !== served[index])
    if (at === -1 && real.length === served.length) continue
    const before = real.slice(0, Math.max(at, 0)).join('\n')
    differences.push(
      `${about}, seed ${seed}\n${before}\nKafka:  ${real[at] ?? 'no more'}\nserved: ${served[at] ?? 'no more'}`,
    )
  }
  if (differences.length > 0)
    throw new Error(`${differences.length} differences\n\n${differences.join('\n\n')}`)
}
