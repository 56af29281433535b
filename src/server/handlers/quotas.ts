import { errorCodes } from '../../error-codes.ts'
import { type Handler, handler } from '../handler.ts'
import { alterClientQuotas } from '../protocol/messages/alter-client-quotas.ts'
import { describeClientQuotas } from '../protocol/messages/describe-client-quotas.ts'

const refusal = {
  errorCode: errorCodes.UNSUPPORTED_VERSION.errno,
  errorMessage: 'There are no quotas: no client is slowed down',
}

/** Quotas, which there are none of: none can be set, and none need be taken away. */
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
