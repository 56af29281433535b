import type { Partition } from '../../log/partition.ts'
import { isTopicName } from '../../topic-name.ts'
import { byTopic } from '../by-topic.ts'
import { type Handler, handler } from '../handler.ts'
import { findLog } from '../named-topic.ts'
import { describeProducers } from '../protocol/messages/describe-producers.ts'
import { describeTransactions } from '../protocol/messages/describe-transactions.ts'
import { listTransactions } from '../protocol/messages/list-transactions.ts'
import { wholeName } from '../whole-name.ts'
import type { Wire } from '../wire.ts'
import { errnoOf } from '../wire-error-code.ts'
import type { DescribedTransaction } from '../wire-transactions.ts'

// Kafka's states; the first three and the last never occur here.
const states = new Set([
  'PrepareEpochFence',
  'PrepareCommit',
  'PrepareAbort',
  'Empty',
  'Ongoing',
  'CompleteCommit',
  'CompleteAbort',
  'Dead',
])

/** Transactions and their producers, for administrators that look for one that hangs (KIP-664). */
export function transactionAdminHandlers(wire: Wire): Handler[] {
  const { transactions, engine } = wire
  return [
    handler(listTransactions, request => {
      const { stateFilters, producerIdFilters, durationFilter, transactionalIdPattern } = request
      const pattern = wholeName(transactionalIdPattern || '.*')
      if (pattern === undefined) return { errorCode: errnoOf('INVALID_REGULAR_EXPRESSION') }
      const now = engine.clock.now()
      const wantedStates = new Set(stateFilters)
      const wantedIds = new Set(producerIdFilters)
      const wanted = ({ transactionalId, state, producerId, startedAt }: DescribedTransaction) =>
        (wantedStates.size === 0 || wantedStates.has(state)) &&
        (wantedIds.size === 0 || wantedIds.has(producerId)) &&
        // One that never began started at -1, as at Kafka.
        (durationFilter < 0 || now - startedAt > durationFilter) &&
        pattern.test(transactionalId)
      return {
        unknownStateFilters: stateFilters.filter(state => !states.has(state)),
        transactionStates: transactions
          .describe()
          .filter(wanted)
          .map(({ transactionalId, producerId, state }) => ({
            transactionalId,
            producerId,
            transactionState: state,
          })),
      }
    }),

    handler(describeTransactions, ({ transactionalIds }) => {
      const known = new Map(transactions.describe().map(each => [each.transactionalId, each]))
      return {
        transactionStates: transactionalIds.map(transactionalId => {
          const described = known.get(transactionalId)
          if (described === undefined) {
            const why = transactionalId === '' ? 'INVALID_REQUEST' : 'TRANSACTIONAL_ID_NOT_FOUND'
            return { transactionalId, errorCode: errnoOf(why) }
          }
          const { state, timeoutMs, startedAt, producerId, producerEpoch, partitions } = described
          return {
            transactionalId,
            transactionState: state,
            transactionTimeoutMs: timeoutMs,
            transactionStartTimeMs: startedAt,
            producerId,
            producerEpoch,
            topics: byTopic(partitions),
          }
        }),
      }
    }),

    handler(describeProducers, ({ topics }) => {
      const epochs = new Map(
        transactions.describe().map(({ producerId, producerEpoch }) => [producerId, producerEpoch]),
      )
      return {
        topics: topics.map(({ name, partitionIndexes }) => ({
          name,
          partitions: partitionIndexes.map(partitionIndex => {
            const log = findLog(wire, name, partitionIndex)
            if (log === undefined) return { partitionIndex, errorCode: errnoOfMissing(name) }
            return { partitionIndex, activeProducers: producersOf(log, epochs, engine.clock.now()) }
          }),
        })),
      }
    }),
  ]
}

function errnoOfMissing(topic: string): number {
  return errnoOf(isTopicName(topic) ? 'UNKNOWN_TOPIC_OR_PARTITION' : 'INVALID_TOPIC_EXCEPTION')
}

// Producers that number their batches, and those of this process, which do not, while they have a transaction open.
function producersOf(log: Partition, epochs: ReadonlyMap<number, number>, now: number) {
  const open = new Map(log.openTransactions)
  const numbering = (log.producers?.active(now) ?? []).map(({ coordinated, ...producer }) => {
    const currentTxnStartOffset = open.get(producer.producerId) ?? -1
    open.delete(producer.producerId)
    return { ...producer, coordinatorEpoch: coordinated ? 0 : -1, currentTxnStartOffset }
  })
  const others = [...open].map(([producerId, currentTxnStartOffset]) => ({
    producerId,
    producerEpoch: epochs.get(producerId) ?? -1,
    coordinatorEpoch: -1,
    currentTxnStartOffset,
  }))
  return [...numbering, ...others]
}
