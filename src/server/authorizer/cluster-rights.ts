import { notAsked } from '../authorized-operations.ts'
import { coordinatorTypes } from '../cluster/coordinator-types.ts'
import type { ApiRights, Asked, RightsTable } from './asked.ts'
import { ofCluster } from './needs.ts'
import { clusterOperations } from './topic-rights.ts'

const describes: ApiRights = { whole: ofCluster('DESCRIBE') }
const alters: ApiRights = { whole: ofCluster('ALTER') }

const shareKeysSince = 6

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

function keyDenial(key: string, { rights, version, request: { keyType } }: Asked): number {
  if (keyType === coordinatorTypes.group) return rights.denial('DESCRIBE', 'GROUP', key)
  if (keyType === coordinatorTypes.transaction) return rights.denial('DESCRIBE', 'TRANSACTIONAL_ID', key)
  const share = keyType === coordinatorTypes.share && version >= shareKeysSince
  return share ? rights.denial('CLUSTER_ACTION', 'CLUSTER') : 0
}
