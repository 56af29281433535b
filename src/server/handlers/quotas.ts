import { InvalidArgumentError } from '../../errors.ts'
import { type EntityPart, entityOf, idOf, type QuotaEntity, type QuotaOperation } from '../client-quotas.ts'
import { type Handler, handler } from '../handler.ts'
import { inTurns } from '../in-turns.ts'
import { alterClientQuotas } from '../protocol/messages/alter-client-quotas.ts'
import { describeClientQuotas } from '../protocol/messages/describe-client-quotas.ts'
import { attempt, attemptToFind, type Wire } from '../wire.ts'

/** The quotas of users, clients and addresses, which slow nobody down. */
export function quotaHandlers(wire: Wire): Handler[] {
  const { clientQuotas } = wire
  return [
    handler(describeClientQuotas, ({ components, strict }) => {
      const { found, ...result } = attemptToFind(wire, () => clientQuotas.of(components, strict))
      if (result.errorCode !== 0) return { ...result, entries: null }
      const entries = found.map(({ entity, quotas }) => ({
        entity: partsOf(entity),
        values: [...quotas].map(([key, value]) => ({ key, value })),
      }))
      return { errorMessage: '', entries }
    }),

    handler(alterClientQuotas, async ({ entries, validateOnly }) => {
      const answered = new Map<string, object>()
      await inTurns(wire.engine.clock, entries, ({ entity: parts, ops }) => {
        const entity = entityOf(parts)
        const id = idOf(entity)
        const result = attempt(wire, () => {
          if (answered.has(id) || repeats(ops)) {
            const message = `Ignoring duplicate entity ${partsOf(entity).map(part => `${part.entityType}=${part.entityName}`)}`
            throw new InvalidArgumentError(message)
          }
          const altered = clientQuotas.altered(entity, ops)
          if (!validateOnly) clientQuotas.become(altered)
        })
        // One answer for each entity, however often it is named.
        answered.set(id, { entity: partsOf(entity), ...result })
      })
      return { entries: [...answered.values()] }
    }),
  ]
}

function partsOf(entity: QuotaEntity): EntityPart[] {
  return [...entity].map(([entityType, entityName]) => ({ entityType, entityName }))
}

function repeats(operations: readonly QuotaOperation[]): boolean {
  return new Set(operations.map(({ key }) => key)).size < operations.length
}
