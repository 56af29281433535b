import type { Talk } from './talk.ts'

interface Acl {
  readonly resourceType: number
  readonly resourceName: string
  readonly resourcePatternType: number
  readonly principal: string
  readonly host: string
  readonly operation: number
  readonly permissionType: number
}

/** Administrators who make access lists, look for some of them, and delete them, right and wrong. */
export class AccessLists {
  readonly #talk: Talk
  readonly #names: readonly string[]

  constructor(talk: Talk) {
    this.#talk = talk
    this.#names = ['a', 'ab', 'abc', 'b'].map(each => `${talk.name}-${each}`)
  }

  async converse(steps: number): Promise<void> {
    const talk = this.#talk
    await talk.settled()
    for (let i = 0; i < steps; i++) {
      const dice = talk.below(100)
      if (dice < 40) await this.#create()
      else if (dice < 55) await this.#delete()
      else await this.#describe()
    }
  }

  #acl(): Acl {
    const talk = this.#talk
    // To what only filters may say, Kafka answers with an error of its own for all that is asked.
    const drawn = <T>(right: readonly T[], wrong: readonly T[]) =>
      talk.oneOf(talk.chance(0.97) ? right : wrong)
    return {
      resourceType: drawn([2, 2, 2, 3, 5, 6, 7], [4]),
      resourceName: drawn(this.#names, ['', 'kafka-cluster']),
      resourcePatternType: talk.oneOf([3, 3, 4]),
      principal: drawn(['User:ada', 'User:ada', 'User:bob', 'User:*'], ['ada', 'User:', ':']),
      host: drawn(['*', '*', '10.0.0.1', '10.0.0.0/8', '::/64'], ['', '10.0.0.0/33', 'a/8', '10.0.0.0/']),
      operation: drawn([2, 3, 3, 4, 8], [9, 14]),
      permissionType: talk.oneOf([2, 3, 3]),
    }
  }

  /** Of the lists of this conversation: either the name is one of its own, or the principal. */
  #filter(version: number) {
    const talk = this.#talk
    return {
      resourceTypeFilter: talk.oneOf([1, 1, 2, 2, 3, 5, 4]),
      resourceNameFilter: talk.oneOf([...this.#names, `${talk.name}-abcd`, '*', '', null]),
      patternTypeFilter: version === 0 ? 3 : talk.oneOf([1, 2, 3, 4]),
      principalFilter: talk.oneOf([null, null, 'User:ada', 'User:bob', 'User:*', 'ada', '']),
      hostFilter: talk.oneOf([null, null, '*', '10.0.0.1', '10.0.0.0/8', '']),
      operation: talk.oneOf([1, 1, 1, 2, 3, 8]),
      permissionType: talk.oneOf([1, 1, 2, 3]),
    }
  }

  async #create(): Promise<void> {
    const talk = this.#talk
    const version = 1 + talk.below(3)
    await talk.hear('createAcls', version, { creations: talk.some(() => this.#acl()) })
    await talk.settled()
  }

  async #describe(): Promise<void> {
    const talk = this.#talk
    const version = 1 + talk.below(3)
    const filter = this.#filter(version)
    const answer = await talk.ask('describeAcls', version, filter)
    answer.resources = answer.resources.filter(({ resourceName }: any) => this.#names.includes(resourceName))
    talk.tell(`describe v${version} ${JSON.stringify(filter)}`, talk.shown(answer))
  }

  // Those of other conversations stay.
  async #delete(): Promise<void> {
    const talk = this.#talk
    const version = 1 + talk.below(3)
    const filters = talk.some(() => ({
      ...this.#filter(version),
      resourceNameFilter: talk.oneOf([...this.#names, `${talk.name}-abcd`]),
    }))
    await talk.hear('deleteAcls', version, { filters })
    await talk.settled()
  }
}
