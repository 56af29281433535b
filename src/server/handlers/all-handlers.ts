import type { AclBindings } from '../authorizer/acl-bindings.ts'
import type { Handler } from '../handler.ts'
import type { SaslOptions } from '../sasl/sasl-options.ts'
import { ScramCredentials } from '../sasl/scram-credentials.ts'
import { ShareSessions } from '../share/share-sessions.ts'
import type { Wire } from '../wire.ts'
import { aclHandlers } from './acls.ts'
import { clusterHandlers } from './cluster.ts'
import { configHandlers } from './configs.ts'
import { consumerGroupHandlers } from './consumer-group.ts'
import { delegationTokenHandlers } from './delegation-tokens.ts'
import { featureHandlers } from './features.ts'
import { fetchHandlers } from './fetch.ts'
import { groupAdminHandlers } from './group-admin.ts'
import { listOffsetsHandlers } from './list-offsets.ts'
import { logDirHandlers } from './log-dirs.ts'
import { membershipHandlers } from './membership.ts'
import { offsetHandlers } from './offsets.ts'
import { produceHandlers } from './produce.ts'
import { quorumHandlers } from './quorum.ts'
import { quotaHandlers } from './quotas.ts'
import { replicaHandlers } from './replicas.ts'
import { saslHandlers } from './sasl.ts'
import { scramCredentialHandlers } from './scram-credentials.ts'
import { shareFetchHandlers } from './share-fetch.ts'
import { shareGroupHandlers } from './share-group.ts'
import { shareOffsetHandlers } from './share-offsets.ts'
import { streamsGroupHandlers } from './streams-group.ts'
import { topicAdminHandlers } from './topic-admin.ts'
import { transactionAdminHandlers } from './transaction-admin.ts'
import { transactionHandlers } from './transactions.ts'

/** What handlers need of their server, beside what they share. */
interface HandlerHost {
  readonly maxShareSessions: number
  /** Left out if everybody may do everything. */
  readonly acls: AclBindings | undefined
  /** Left out if clients do not authenticate. */
  readonly sasl: SaslOptions | undefined
  /** The versions that clients are told. */
  readonly supported: Parameters<typeof clusterHandlers>[1]
}

/** All APIs that are answered, by subject. */
export function allHandlers(wire: Wire, { maxShareSessions, acls, sasl, supported }: HandlerHost): Handler[] {
  const scramCredentials = new ScramCredentials(sasl)
  return [
    ...clusterHandlers(wire, supported, sasl !== undefined),
    ...produceHandlers(wire),
    ...transactionHandlers(wire),
    ...transactionAdminHandlers(wire),
    ...fetchHandlers(wire),
    ...listOffsetsHandlers(wire),
    ...membershipHandlers(wire),
    ...consumerGroupHandlers(wire),
    ...shareGroupHandlers(wire),
    ...streamsGroupHandlers(wire),
    ...shareFetchHandlers(wire, new ShareSessions(wire, maxShareSessions)),
    ...shareOffsetHandlers(wire),
    ...offsetHandlers(wire),
    ...groupAdminHandlers(wire),
    ...topicAdminHandlers(wire),
    ...configHandlers(wire),
    ...logDirHandlers(wire),
    ...replicaHandlers(wire),
    ...quorumHandlers(wire),
    ...featureHandlers(),
    ...delegationTokenHandlers(),
    ...aclHandlers(wire, acls),
    ...quotaHandlers(wire),
    ...scramCredentialHandlers(scramCredentials),
    ...saslHandlers(sasl, scramCredentials),
  ]
}
