import type { Talk } from './talk.ts'

/** Administrators who set quotas of users, clients and addresses, and look for some of them, right and wrong. */
export class Quotas {
  readonly #talk: Talk

  constructor(talk: Talk) {
    this.#talk = talk
  }

  async converse(steps: number): Promise<void> {
    const talk = this.#talk
    await talk.settled()
    for (let i = 0; i < steps; i++) {
      if (talk.chance(0.5)) await this.#alter()
      else await this.#describe()
    }
    await this.#clear()
  }

  #name(entityType: string): string | null {
    const { name, oneOf } = this.#talk
    const draw = oneOf.bind(this.#talk)
    if (entityType === 'ip') return draw(['10.0.0.1', '10.0.0.2', '::1', 'no address', '', null])
    return draw([`${name}-a`, `${name}-a`, `${name}-b`, '', null])
  }

  #entity() {
    const talk = this.#talk
    const types = talk.oneOf([
      ['user'],
      ['user'],
      ['client-id'],
      ['client-id', 'user'],
      ['user', 'client-id'],
      ['ip'],
      talk.oneOf([[], ['ip', 'user'], ['group'], ['user', 'user']]),
    ])
    return types.map(entityType => ({ entityType, entityName: this.#name(entityType) }))
  }

  #operation() {
    const talk = this.#talk
    return {
      key: talk.oneOf([
        'producer_byte_rate',
        'producer_byte_rate',
        'consumer_byte_rate',
        'request_percentage',
        'controller_mutation_rate',
        'connection_creation_rate',
        'nothing',
      ]),
      value: talk.oneOf([1, 1024, 1024, 1.5, 0, -1, 2 ** 40, 1e20, 0.1, Infinity, NaN]),
      remove: talk.chance(0.3),
    }
  }

  async #alter(): Promise<void> {
    const talk = this.#talk
    const entries = talk.some(() => ({ entity: this.#entity(), ops: talk.some(() => this.#operation()) }))
    const validateOnly = talk.chance(0.2)
    await talk.hear('alterClientQuotas', talk.below(2), { entries, validateOnly })
    await talk.settled()
  }

  async #describe(): Promise<void> {
    const talk = this.#talk
    const components = this.#entity().map(({ entityType, entityName }) => {
      const matchType = talk.oneOf([0, 0, 1, 2, 2, talk.chance(0.1) ? 3 : 2])
      const match = talk.chance(0.95) === (matchType === 0) ? entityName : null
      return { entityType, matchType, match }
    })
    await talk.hear('describeClientQuotas', talk.below(2), { components, strict: talk.chance(0.5) })
  }

  // Those without a name are everybody's.
  async #clear(): Promise<void> {
    const { entries } = await this.#talk.ask('describeClientQuotas', 1, { components: [], strict: false })
    await this.#talk.ask('alterClientQuotas', 1, {
      entries: entries.map(({ entity, values }: any) => ({
        entity,
        ops: values.map(({ key }: any) => ({ key, value: 0, remove: true })),
      })),
    })
    await this.#talk.settled()
  }
}
