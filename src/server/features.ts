/** A feature of the cluster, by which clients go beside the versions of APIs (KIP-584). */
export interface Feature {
  readonly name: string
  readonly minVersion: number
  /** The level that counts, and the highest that there is. */
  readonly level: number
}

/** The features of Kafka 4.4. They stay at these levels. */
export const features: readonly Feature[] = [
  // The replicas that may lead (KIP-966) are those in sync, so none is beside them.
  { name: 'eligible.leader.replicas.version', minVersion: 0, level: 1 },
  // Groups that assign (KIP-848).
  { name: 'group.version', minVersion: 0, level: 1 },
  { name: 'kraft.version', minVersion: 0, level: 1 },
  // 4.4-IV2: from it, programs tell which Kafka they talk to.
  { name: 'metadata.version', minVersion: 7, level: 33 },
  // Groups that share partitions (KIP-932), with dead letter queues (KIP-1191).
  { name: 'share.version', minVersion: 0, level: 2 },
  // Groups of Kafka Streams applications (KIP-1071).
  { name: 'streams.version', minVersion: 0, level: 1 },
  // Transactions that get another epoch with each end (KIP-890).
  { name: 'transaction.version', minVersion: 0, level: 2 },
]
