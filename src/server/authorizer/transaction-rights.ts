import { findLog, topicIdsSince } from '../named-topic.ts'
import { errnoOf } from '../wire-error-code.ts'
import type { Asked, Message, RightsTable } from './asked.ts'
import { all, eachNamed, eachTopic, named, ofGroup } from './needs.ts'
import { denials } from './rights.ts'

const ofTransaction = named('WRITE', 'TRANSACTIONAL_ID', 'transactionalId')

/** What the APIs of producers and their transactions need. */
export const transactionRights: RightsTable = {
  InitProducerId: {
    whole: asked => (asked.request.transactionalId === null ? idempotence(asked) : ofTransaction(asked)),
  },
  AddPartitionsToTxn: {
    whole: named('WRITE', 'TRANSACTIONAL_ID', 'v3AndBelowTransactionalId'),
    part: ([topic, partition], asked) => {
      const { name } = topic as { readonly name: string }
      const denied = eachTopic('WRITE')([topic], asked)
      if (denied !== 0) return denied
      // If one is refused, none is added; but what does not exist is told. (Kafka: handleAddPartitionsToTxnRequest)
      const isThere = findLog(asked.wire, name, partition as number) !== undefined
      return isThere ? 0 : errnoOf('UNKNOWN_TOPIC_OR_PARTITION')
    },
  },
  AddOffsetsToTxn: { whole: all(ofTransaction, ofGroup('READ')) },
  TxnOffsetCommit: {
    whole: all(ofTransaction, ofGroup('READ')),
    part: eachTopic('READ', topicIdsSince.TxnOffsetCommit),
  },
  EndTxn: { whole: ofTransaction },
  DescribeTransactions: {
    part: eachNamed('DESCRIBE', 'TRANSACTIONAL_ID'),
    shown: (answer, { rights }) => ({
      ...answer,
      transactionStates: answer.transactionStates.map((each: Message) => ({
        ...each,
        topics: each.topics?.filter(({ topic }: Message) => rights.may('DESCRIBE', 'TOPIC', topic)),
      })),
    }),
  },
  ListTransactions: {
    shown: (answer, { rights }) => ({
      ...answer,
      transactionStates: answer.transactionStates?.filter(({ transactionalId }: Message) =>
        rights.may('DESCRIBE', 'TRANSACTIONAL_ID', transactionalId),
      ),
    }),
  },
}

// Who may write to some topic may do so idempotently. (KIP-679)
function idempotence({ rights }: Asked): number {
  return rights.may('IDEMPOTENT_WRITE', 'CLUSTER') || rights.mayWithAny('WRITE', 'TOPIC')
    ? 0
    : denials.CLUSTER
}
