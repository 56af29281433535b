import { notAsked } from '../authorized-operations.ts'
import type { ApiRights, Asked, RightsTable } from './asked.ts'
import { ofCluster } from './needs.ts'
import { clusterOperations } from './topic-rights.ts'

const describes: ApiRights = { whole: ofCluster('DESCRIBE') }
const alters: ApiRights = { whole: ofCluster('ALTER') }

// Kafka's types of keys: a group, a transactional id, a share group's partition.
const [groupKey, transactionKey, shareKey] = [0, 1, 2]

/** What the APIs need that are about the cluster as a whole. */
export const clusterRights: RightsTable = {
  FindCoordinator: {
    // Before version 4 a request has one key.
    whole: asked => (asked.version < 4 ? keyDenial(asked.request.key, asked) : 0),
    part: ([key], asked) => keyDenial(key as string, asked),
  },
  DescribeCluster: {
    shown: (answer, asked) =>
      (answer.clusterAuthorizedOperations ?? notAsked) === notAsked
        ? answer
        : { ...answer, clusterAuthorizedOperations: clusterOperations(asked) },
  },
  DescribeAcls: describes,
  CreateAcls: alters,
  DeleteAcls: alters,
  DescribeLogDirs: { ...describes, refused: (_, __, errorCode) => ({ errorCode, results: [] }) },
  AlterReplicaLogDirs: alters,
  ElectLeaders: alters,
  ListPartitionReassignments: describes,
  AlterPartitionReassignments: alters,
  DescribeClientQuotas: { whole: ofCluster('DESCRIBE_CONFIGS') },
  AlterClientQuotas: { whole: ofCluster('ALTER_CONFIGS') },
  DescribeUserScramCredentials: describes,
  AlterUserScramCredentials: alters,
  ListConfigResources: { whole: ofCluster('DESCRIBE_CONFIGS') },
  DescribeQuorum: describes,
  UpdateFeatures: alters,
}

function keyDenial(key: string, { rights, request: { keyType } }: Asked): number {
  if (keyType === groupKey) return rights.denial('DESCRIBE', 'GROUP', key)
  if (keyType === transactionKey) return rights.denial('DESCRIBE', 'TRANSACTIONAL_ID', key)
  return keyType === shareKey ? rights.denial('CLUSTER_ACTION', 'CLUSTER') : 0
}
