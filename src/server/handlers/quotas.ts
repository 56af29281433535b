import { errorCodes } from '../../error-codes.ts'
import { type Handler, handler } from '../handler.ts'
import { alterClientQuotas } from '../protocol/messages/alter-client-quotas.ts'
import { describeClientQuotas } from '../protocol/messages/describe-client-quotas.ts'

const refusal = {
  errorCode: errorCodes.UNSUPPORTED_VERSION.errno,
  errorMessage: 'There are no quotas: no client is slowed down',
}

/** Quotas, which do not exist here: none can be set, and none need be removed. */
export function quotaHandlers(): Handler[] {
  return [
    handler(describeClientQuotas, () => ({ entries: [] })),
    handler(alterClientQuotas, ({ entries }) => ({
      entries: entries.map(({ entity, ops }) => ({
        entity,
        errorMessage: null,
        ...(ops.every(({ remove }) => remove) ? {} : refusal),
      })),
    })),
  ]
}
