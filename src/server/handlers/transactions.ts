import type { ErrorCode } from '../../error-codes.ts'
import { isBrokerletError } from '../../errors.ts'
import { isKept } from '../../group/group-offsets.ts'
import type { Topic } from '../../log/topic.ts'
import { groupCommit, toCommit } from '../group-commit.ts'
import { type Handler, handler } from '../handler.ts'
import { namedPartitions } from '../named-partitions.ts'
import { findLog, findTopic, topicIdsSince, unknownTopic } from '../named-topic.ts'
import { inProducersWords, knowsAbortable, withoutTransaction } from '../producer-words.ts'
import { addOffsetsToTxn } from '../protocol/messages/add-offsets-to-txn.ts'
import { addPartitionsToTxn } from '../protocol/messages/add-partitions-to-txn.ts'
import { endTxn } from '../protocol/messages/end-txn.ts'
import { initProducerId } from '../protocol/messages/init-producer-id.ts'
import { txnOffsetCommit } from '../protocol/messages/txn-offset-commit.ts'
import { toWireError, type Wire } from '../wire.ts'
import { errnoOf } from '../wire-error-code.ts'
import type { ProducerIdentity } from '../wire-transactions.ts'

// The first version that adds nothing to a transaction beforehand, and gets the next epoch from each end (KIP-890).
const implicitSince = 5

// The first version whose client knows what STALE_MEMBER_EPOCH means for its transaction. (KIP-1319)
const epochsSince = 6

const staleEpoch = errnoOf('STALE_MEMBER_EPOCH')
const unknownPartition = errnoOf('UNKNOWN_TOPIC_OR_PARTITION')
const invalidTimeout = errnoOf('INVALID_TRANSACTION_TIMEOUT')
const transactionAbortable = errnoOf('TRANSACTION_ABORTABLE')
const metadataTooLarge = errnoOf('OFFSET_METADATA_TOO_LARGE')

/** Idempotent and transactional producers. */
export function transactionHandlers(wire: Wire): Handler[] {
  const { transactions, engine } = wire
  const attempt = (step: () => ErrorCode | undefined): number => {
    try {
      return errnoOf(step())
    } catch (error) {
      return toWireError(wire, error).errorCode
    }
  }
  const isThere = (name: string, partition: number) => findLog(wire, name, partition) !== undefined
  return [
    // Version 6 is about transactions in two phases, which are not supported here.
    handler({ ...initProducerId, versions: [0, 5] }, (request, { version }) => {
      const { transactionalId, transactionTimeoutMs, producerId, producerEpoch } = request
      const half = producerId < 0 !== producerEpoch < 0
      if (transactionalId === '' || half) return answer('INVALID_REQUEST')
      if (transactionalId !== null) {
        const fits = transactionTimeoutMs > 0 && transactionTimeoutMs <= wire.maxTransactionTimeoutMs
        if (!fits) return { errorCode: invalidTimeout, ...noProducer }
        const former = producerId < 0 ? undefined : { producerId, producerEpoch }
        const made = answer(transactions.init(transactionalId, transactionTimeoutMs, former))
        return { ...made, errorCode: inProducersWords('InitProducerId', version, made.errorCode) }
      }
      // A producer without a transactional id gets a new id, whatever it names: that id cannot be attributed, and some
      // clients send 0. A producer that has lost count raises its epoch by itself (KIP-360).
      return { errorCode: 0, producerId: engine.newProducerId(), producerEpoch: 0 }
    }),

    // From version 4 on brokers send it to each other.
    handler({ ...addPartitionsToTxn, versions: [0, 3] }, (request, { version }) => {
      const { v3AndBelowTransactionalId: id, v3AndBelowTopics: topics } = request
      const identity = {
        producerId: request.v3AndBelowProducerId,
        producerEpoch: request.v3AndBelowProducerEpoch,
      }
      const asked = topics.map(({ name, partitions }) => ({
        name,
        partitions: partitions.map(partitionIndex => ({ partitionIndex })),
      }))
      const named = topics.flatMap(({ name, partitions }) =>
        partitions.map(partition => ({ topic: name, partition })),
      )
      // All or none: if one partition does not exist, the others are not attempted.
      const all = named.every(({ topic, partition }) => isThere(topic, partition))
      const begin = () => transactions.begin(id, identity, { partitions: named })
      const code = all ? attempt(() => codeOf(ofTransaction(id, begin))) : 0
      const begun = inProducersWords('AddPartitionsToTxn', version, code)
      const codeFor = (name: string, partition: number): number => {
        if (all) return begun
        return isThere(name, partition) ? errnoOf('OPERATION_NOT_ATTEMPTED') : unknownPartition
      }
      return {
        resultsByTopicV3AndBelow: (all ? asked : namedPartitions(asked)).map(({ name, partitions }) => ({
          name,
          resultsByPartition: partitions.map(({ partitionIndex }) => ({
            partitionIndex,
            partitionErrorCode: codeFor(name, partitionIndex),
          })),
        })),
      }
    }),

    handler(addOffsetsToTxn, ({ transactionalId, groupId, ...identity }, { version }) => {
      const begin = () => transactions.begin(transactionalId, identity, { groupId })
      const code = attempt(() => codeOf(ofTransaction(transactionalId, begin)))
      return { errorCode: inProducersWords('AddOffsetsToTxn', version, code) }
    }),

    handler(txnOffsetCommit, (request, { version }) => {
      const { groupId, topics, transactionalId } = request
      // Partitions that exist are committed, even if others do not, and so are offsets whose metadata is not too long.
      const named = topics.map(asked => ({
        ...asked,
        topic: findTopic(wire, version, topicIdsSince.TxnOffsetCommit, asked),
      }))
      const offsets = named.flatMap(({ topic, partitions }) =>
        topic === undefined
          ? []
          : partitions
              .filter(({ partitionIndex }) => topic.partitions[partitionIndex] !== undefined)
              .map(committed => toCommit(topic.name, committed)),
      )
      const code = attempt(() => {
        if (groupId === '') return 'INVALID_GROUP_ID'
        // Without anything to commit no transaction is begun.
        if (offsets.length === 0) return undefined
        if (transactionalId === '') return 'INVALID_REQUEST'
        if (version >= implicitSince) transactions.begin(transactionalId, request, { groupId })
        // A transaction that could not begin is not open, and `opened` says why.
        const open = transactions.opened(transactionalId, request, groupId)
        if (typeof open === 'string') return open
        const { memberId, generationIdOrMemberEpoch: generation, groupInstanceId } = request
        // Before version 3 a client does not name its membership (KIP-447).
        const anonymous = memberId === '' && generation < 0 && groupInstanceId === null
        const identity = anonymous ? undefined : { memberId, generation, groupInstanceId }
        const kept = offsets.filter(({ metadata }) => isKept(metadata))
        const prepareCommit = () => groupCommit(wire, groupId, identity, kept, true)
        const epochOffsets = kept.map(offset => ({ ...offset, assignmentEpoch: -1 }))
        if (kept.length === 0) prepareCommit().check()
        else void open.sendOffsets({ memberId, prepareCommit }, epochOffsets)
        return undefined
      })
      const told = withoutTransaction('TxnOffsetCommit', version, code)
      const errorCode = inGenerations(version, inProducersWords('TxnOffsetCommit', version, told))
      const codeFor = (topic: Topic | undefined, partition: number, metadata: string | null): number => {
        if (topic === undefined) return unknownTopic(version, topicIdsSince.TxnOffsetCommit)
        if (topic.partitions[partition] === undefined) return unknownPartition
        return errorCode === 0 && !isKept(metadata ?? undefined) ? metadataTooLarge : errorCode
      }
      return {
        topics: named.map(({ name, topicId, topic, partitions }) => ({
          name,
          topicId,
          partitions: partitions.map(({ partitionIndex, committedMetadata }) => ({
            partitionIndex,
            errorCode: codeFor(topic, partitionIndex, committedMetadata),
          })),
        })),
      }
    }),

    handler(endTxn, ({ transactionalId, committed, ...identity }, { version }) => {
      const ways = { renews: version >= implicitSince, goesOn: knowsAbortable('EndTxn', version) }
      try {
        const end = () => transactions.end(transactionalId, identity, committed, ways)
        const ended = answer(ofTransaction(transactionalId, end))
        return { ...ended, errorCode: inProducersWords('EndTxn', version, ended.errorCode) }
      } catch (error) {
        // Clients do not expect other errors of an end, as of a member that has lost a partition by now: Java's
        // producer could not be used any more. What they have to know is that the transaction was aborted.
        const expected = !isBrokerletError(error) || error.code === 'PRODUCER_FENCED'
        const code = expected ? toWireError(wire, error).errorCode : transactionAbortable
        return { errorCode: inProducersWords('EndTxn', version, code) }
      }
    }),
  ]
}

// Nobody has an empty transactional id. (Kafka: TransactionCoordinator)
function ofTransaction<T>(transactionalId: string, step: () => T): T | ErrorCode {
  return transactionalId === '' ? 'INVALID_REQUEST' : step()
}

// An older producer knows only generations, and takes any other error of a group for its own end.
function inGenerations(version: number, errorCode: number): number {
  const isUnknown = errorCode === staleEpoch && version < epochsSince
  return isUnknown ? errnoOf('ILLEGAL_GENERATION') : errorCode
}

const noProducer: ProducerIdentity = { producerId: -1, producerEpoch: -1 }

function answer(identity: ProducerIdentity | ErrorCode) {
  if (typeof identity === 'string') return { errorCode: errnoOf(identity), ...noProducer }
  return { errorCode: 0, ...identity }
}

function codeOf(begun: object | ErrorCode): ErrorCode | undefined {
  return typeof begun === 'string' ? begun : undefined
}
