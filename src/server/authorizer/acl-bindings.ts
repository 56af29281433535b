import { entryOf } from '../entry-of.ts'
import { type AclBinding, type AclResourceType, wildcard } from './acl.ts'

/** The access lists of a cluster: each is there once. */
export class AclBindings {
  readonly #all = new Map<string, AclBinding>()
  // Those of one name, which are looked up for every request, and those of a beginning, which are tried.
  readonly #literal = new Map<string, Set<AclBinding>>()
  readonly #prefixed = new Map<AclResourceType, Set<AclBinding>>()

  get all(): readonly AclBinding[] {
    return [...this.#all.values()]
  }

  add(binding: AclBinding): void {
    const id = idOf(binding)
    if (this.#all.has(id)) return
    this.#all.set(id, binding)
    const { resourceType, resourceName, patternType } = binding
    if (patternType === 'LITERAL')
      entryOf(this.#literal, keyOf(resourceType, resourceName), newSet).add(binding)
    else entryOf(this.#prefixed, resourceType, newSet).add(binding)
  }

  delete(binding: AclBinding): void {
    this.#all.delete(idOf(binding))
    const { resourceType, resourceName } = binding
    const key = keyOf(resourceType, resourceName)
    const literal = this.#literal.get(key)
    literal?.delete(binding)
    // There may have been lists for many names.
    if (literal?.size === 0) this.#literal.delete(key)
    this.#prefixed.get(resourceType)?.delete(binding)
  }

  /** Those that are about a resource. */
  *of(resourceType: AclResourceType, resourceName: string): IterableIterator<AclBinding> {
    yield* this.#literal.get(keyOf(resourceType, resourceName)) ?? []
    if (resourceName !== wildcard) yield* this.#literal.get(keyOf(resourceType, wildcard)) ?? []
    for (const binding of this.#prefixed.get(resourceType) ?? []) {
      if (resourceName.startsWith(binding.resourceName)) yield binding
    }
  }
}

const newSet = () => new Set<AclBinding>()

function keyOf(resourceType: AclResourceType, resourceName: string): string {
  return `${resourceType} ${resourceName}`
}

function idOf(binding: AclBinding): string {
  const { resourceType, patternType, resourceName, principal, host, operation, permissionType } = binding
  return JSON.stringify([resourceType, patternType, resourceName, principal, host, operation, permissionType])
}
