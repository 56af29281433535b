import type { Talk } from './talk.ts'

/** Administrators who let users authenticate by SCRAM, and no longer, right and wrong. */
export class ScramUsers {
  readonly #talk: Talk
  readonly #names: readonly string[]

  constructor(talk: Talk) {
    this.#talk = talk
    this.#names = ['ada', 'bob', 'eve'].map(each => `${talk.name}-${each}`)
  }

  async converse(steps: number): Promise<void> {
    const talk = this.#talk
    await talk.settled()
    for (let i = 0; i < steps; i++) {
      if (talk.chance(0.6)) await this.#alter()
      else await this.#describe()
    }
  }

  #user() {
    const talk = this.#talk
    return {
      name: talk.oneOf([...this.#names, ...this.#names, talk.oneOf(['', this.#names[0]!])]),
      mechanism: talk.oneOf([1, 1, 2, 2, talk.chance(0.2) ? talk.oneOf([0, 3, -1]) : 1]),
    }
  }

  async #alter(): Promise<void> {
    const talk = this.#talk
    const upsertions = talk.some(() => ({
      ...this.#user(),
      iterations: talk.oneOf([
        4096,
        4096,
        8192,
        16_384,
        talk.chance(0.3) ? talk.oneOf([4095, 0, 16_385]) : 4096,
      ]),
      salt: Buffer.from(talk.oneOf(['salt', 'salt', talk.chance(0.1) ? '' : 'salt'])),
      saltedPassword: Buffer.from('salted'),
    }))
    await talk.hear('alterUserScramCredentials', 0, {
      deletions: talk.chance(0.4) ? talk.some(() => this.#user()) : [],
      upsertions: talk.chance(0.8) ? upsertions : [],
    })
    await talk.settled()
  }

  async #describe(): Promise<void> {
    const talk = this.#talk
    const users = talk.chance(0.2)
      ? talk.oneOf([null, []])
      : talk.some(() => ({ name: talk.oneOf([...this.#names, `${talk.name}-none`, '']) }))
    const answer = await talk.ask('describeUserScramCredentials', 0, { users })
    if (!users?.length) {
      answer.results = answer.results.filter(({ user }: any) => user.startsWith(`${talk.name}-`))
    }
    talk.tell(`describe ${JSON.stringify(users)}`, talk.shown(answer))
  }
}
