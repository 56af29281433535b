import type { RightsTable } from './asked.ts'
import { clusterRights } from './cluster-rights.ts'
import { groupRights } from './group-rights.ts'
import { topicRights } from './topic-rights.ts'
import { transactionRights } from './transaction-rights.ts'

/** What each API needs; those that are left out everybody may ask. (Kafka: KafkaApis, ControllerApis) */
export const apiRights: RightsTable = {
  ...topicRights,
  ...groupRights,
  ...transactionRights,
  ...clusterRights,
}
