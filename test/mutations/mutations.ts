import { brokerMutations } from './list/broker.ts'
import { compactionMutations } from './list/compaction.ts'
import { consumerMutations } from './list/consumer.ts'
import { groupMutations } from './list/group.ts'
import { logMutations } from './list/log.ts'
import { producerMutations } from './list/producer.ts'
import { serverMutations } from './list/server.ts'
import { streamsMutations } from './list/streams.ts'
import { streamsStaticMutations } from './list/streams-static.ts'
import { transactionMutations } from './list/transaction.ts'
import type { Mutation } from './mutation.ts'

/** Every bug that has to be noticed. */
export const mutations: readonly Mutation[] = [
  ...logMutations,
  ...producerMutations,
  ...groupMutations,
  ...consumerMutations,
  ...brokerMutations,
  ...transactionMutations,
  ...compactionMutations,
  ...serverMutations,
  ...streamsMutations,
  ...streamsStaticMutations,
]

/** The bug of that name, which must be there. */
export function mutationByName(name: string): Mutation {
  const found = mutations.find(mutation => mutation.name === name)
  if (found === undefined) throw new Error(`There is no deliberate bug '${name}'`)
  return found
}
