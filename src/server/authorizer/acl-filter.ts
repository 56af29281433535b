import { InvalidArgumentError } from '../../errors.ts'
import { type AclBinding, isAbout, operations, patternTypes, permissionTypes, resourceTypes } from './acl.ts'

/** Selects access lists, as requests say it: null, and ANY, are whatever it may be. (Kafka: AclBindingFilter) */
export interface AclFilter {
  readonly resourceTypeFilter: number
  readonly resourceNameFilter: string | null
  readonly patternTypeFilter: number
  readonly principalFilter: string | null
  readonly hostFilter: string | null
  readonly operation: number
  readonly permissionType: number
}

const [unknown, any] = [0, 1]
const filterablePatterns = { ...patternTypes, MATCH: 2 } as const

type Names = Readonly<Record<string, number>>

/** The name that Kafka gives a number. @throws InvalidArgumentError if it gives none */
export function wordOf<Table extends Names>(what: string, table: Table, code: number): keyof Table & string {
  const found = Object.entries(table).find(([, each]) => each === code)
  if (found !== undefined) return found[0]
  const known = Object.entries(table).map(([word, each]) => `${word} (${each})`)
  const message = `Expected as ${what} one of ${known.join(', ')}, received ${code}`
  throw new InvalidArgumentError(message, { field: what, received: code })
}

/**
 * Which access lists a filter selects: none if it says what only a later Kafka may know, and the caller is `lenient`.
 * @throws InvalidArgumentError if it says what nobody knows
 */
export function selectorOf(filter: AclFilter, { lenient = false } = {}): (acl: AclBinding) => boolean {
  const word = <Table extends Names>(what: string, table: Table, code: number) => {
    if (code === any) return undefined
    if (lenient && code !== unknown && !Object.values(table).includes(code)) return 'none of them'
    return wordOf(what, table, code)
  }
  const resourceType = word('resource type', resourceTypes, filter.resourceTypeFilter)
  const patternType = word('pattern type', filterablePatterns, filter.patternTypeFilter)
  const operation = word('operation', operations, filter.operation)
  const permissionType = word('permission type', permissionTypes, filter.permissionType)
  const { resourceNameFilter: resourceName, principalFilter: principal, hostFilter: host } = filter
  return acl =>
    (resourceType ?? acl.resourceType) === acl.resourceType &&
    (operation ?? acl.operation) === acl.operation &&
    (permissionType ?? acl.permissionType) === acl.permissionType &&
    (principal ?? acl.principal) === acl.principal &&
    (host ?? acl.host) === acl.host &&
    (patternType === 'MATCH'
      ? resourceName === null || isAbout(acl, resourceName)
      : (patternType ?? acl.patternType) === acl.patternType &&
        (resourceName ?? acl.resourceName) === acl.resourceName)
}
