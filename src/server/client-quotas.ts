import { isIP } from 'node:net'
import { BrokerletError, InvalidArgumentError } from '../errors.ts'

/** Whose quotas: types of entities, each with a name, or null for all that have none of their own. */
export type QuotaEntity = ReadonlyMap<string, string | null>

/** A part of an entity, as it is named on the wire. */
export interface EntityPart {
  readonly entityType: string
  readonly entityName: string | null
}

/** A quota to set or to take back. */
export interface QuotaOperation {
  readonly key: string
  readonly value: number
  readonly remove: boolean
}

/** What a part of the wanted entities is like. */
export interface QuotaFilter {
  readonly entityType: string
  readonly matchType: number
  readonly match: string | null
}

/** The quotas of an entity, by Kafka's names. */
export interface DescribedQuotas {
  readonly entity: QuotaEntity
  readonly quotas: ReadonlyMap<string, number>
}

// (Kafka: QuotaConfig)
const ofClients = {
  producer_byte_rate: 'LONG',
  consumer_byte_rate: 'LONG',
  request_percentage: 'DOUBLE',
  controller_mutation_rate: 'DOUBLE',
} as const
const ofAddresses = { connection_creation_rate: 'INT' } as const

const greatest = { INT: 2 ** 31 - 1, LONG: 2 ** 63, DOUBLE: Infinity } as const

const [user, clientId, ip] = ['user', 'client-id', 'ip']

// (Kafka: DescribeClientQuotasRequest)
const [exact, ofDefault, specified] = [0, 1, 2]

/**
 * The quotas that administrators set for users, clients and addresses. They are kept and told, and slow nobody down.
 * (Kafka: ClientQuotaControlManager, ClientQuotasImage)
 */
export class ClientQuotas {
  readonly #given = new Map<string, DescribedQuotas>()

  /**
   * The quotas of an entity after some changes.
   *
   * @throws InvalidArgumentError if they cannot be so
   */
  altered(entity: QuotaEntity, operations: readonly QuotaOperation[]): DescribedQuotas {
    const keys = keysOf(entity)
    const quotas = new Map(this.#given.get(idOf(entity))?.quotas)
    for (const { key, value, remove } of operations) {
      if (remove) quotas.delete(key)
      else quotas.set(key, checked(keys, key, value))
    }
    return { entity, quotas }
  }

  become(described: DescribedQuotas): void {
    const id = idOf(described.entity)
    if (described.quotas.size === 0) this.#given.delete(id)
    else this.#given.set(id, described)
  }

  /**
   * The quotas of all entities that are like a filter says; if it is strict, of those without other parts.
   *
   * @throws BrokerletError if the filter means nothing
   */
  of(filters: readonly QuotaFilter[], strict: boolean): readonly DescribedQuotas[] {
    const types = new Set<string>()
    for (const filter of filters) {
      checkFilter(filter, types)
      types.add(filter.entityType)
    }
    if (types.has(ip) && types.size > 1) {
      throw new InvalidArgumentError(
        'Invalid entity filter component combination. IP filter component should not be used with user or clientId filter component.',
      )
    }
    return [...this.#given.values()].filter(({ entity }) => {
      if (strict && entity.size !== filters.length) return false
      return filters.every(({ entityType, matchType, match }) => {
        const name = entity.get(entityType)
        if (name === undefined) return false
        return matchType === specified || name === match
      })
    })
  }
}

/** An entity by its parts, whatever their order is. */
export function entityOf(parts: readonly EntityPart[]): QuotaEntity {
  const named = new Map(parts.map(({ entityType, entityName }) => [entityType, entityName]))
  return new Map([...named].sort(([a], [b]) => (a < b ? -1 : 1)))
}

export function idOf(entity: QuotaEntity): string {
  return JSON.stringify([...entity])
}

// The quotas that an entity may have.
function keysOf(entity: QuotaEntity): Readonly<Record<string, keyof typeof greatest>> {
  if (entity.size === 0) throw new InvalidArgumentError('Invalid empty client quota entity')
  for (const [type, name] of entity) {
    if (type !== user && type !== clientId && type !== ip) {
      throw new InvalidArgumentError(`Unhandled client quota entity type: ${type}`, { received: type })
    }
    if (name === '') throw new InvalidArgumentError(`Empty ${type} not supported`)
  }
  if (!entity.has(ip)) return ofClients
  if (entity.size > 1) {
    throw new InvalidArgumentError(
      'Invalid quota entity combination, IP entity should not be combined with User or ClientId',
    )
  }
  const address = entity.get(ip) ?? 'localhost'
  if (isIP(address) === 0 && !/^[\w.-]+$/.test(address)) {
    throw new InvalidArgumentError(`${address} is not a valid IP or resolvable host.`, { received: address })
  }
  return ofAddresses
}

function checked(keys: Readonly<Record<string, keyof typeof greatest>>, key: string, value: number): number {
  const refuse = (message: string): never => {
    throw new InvalidArgumentError(message, { field: key, received: value })
  }
  const type = Object.hasOwn(keys, key) ? keys[key] : undefined
  if (type === undefined) return refuse(`Invalid configuration key ${key}`)
  if (!Number.isFinite(value)) return refuse(`Quota ${key} must be a finite number`)
  if (value <= 0) return refuse(`Quota ${key} must be greater than 0`)
  if (type === 'DOUBLE') return value
  if (value > greatest[type]) {
    return refuse(`Proposed value for ${key} is too large for ${type === 'INT' ? 'an' : 'a'} ${type}.`)
  }
  return Number.isInteger(value) ? value : refuse(`${key} cannot be a fractional value.`)
}

function checkFilter({ entityType, matchType, match }: QuotaFilter, before: ReadonlySet<string>): void {
  const refuse = (message: string): never => {
    throw new InvalidArgumentError(message, { field: entityType })
  }
  if (entityType === '') refuse('Invalid empty entity type.')
  if (before.has(entityType)) refuse(`Entity type ${entityType} cannot appear more than once in the filter.`)
  if (entityType !== user && entityType !== clientId && entityType !== ip) {
    throw new BrokerletError('UNSUPPORTED_VERSION', `Unsupported entity type ${entityType}`, {
      received: entityType,
    })
  }
  if (matchType === exact && match === null) {
    refuse('Request specified MATCH_TYPE_EXACT, but set match string to null.')
  }
  const name = new Map([
    [ofDefault, 'MATCH_TYPE_DEFAULT'],
    [specified, 'MATCH_TYPE_SPECIFIED'],
  ]).get(matchType)
  if (name !== undefined && match !== null)
    refuse(`Request specified ${name}, but also specified a match string.`)
  if (name === undefined && matchType !== exact) refuse(`Unknown match type ${matchType}`)
}
