import { api } from '../message.ts'
import { field, struct } from '../struct.ts'
import { array, int16, int32, int64, nullable, string } from '../type.ts'

export const listTransactions = api(
  'ListTransactions',
  { key: 66, versions: [0, 2], flexible: 0 },
  {
    stateFilters: array(string),
    producerIdFilters: array(int64),
    durationFilter: field(int64, { since: 1 }, -1),
    transactionalIdPattern: field(nullable(string), { since: 2 }, null),
  },
  {
    throttleTimeMs: int32,
    errorCode: int16,
    unknownStateFilters: array(string),
    transactionStates: array(
      struct({
        transactionalId: string,
        producerId: int64,
        transactionState: string,
      }),
    ),
  },
)
